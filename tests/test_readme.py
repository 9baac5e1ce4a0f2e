"""The README does what it says: its examples run, its commands and settings exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from benchmarks.readme import README, SECTION, TABLES, filled
from typer.testing import CliRunner

import airunner.components.llm
from airunner.cli.app import app
from airunner.settings import SETTINGS, Settings
from airunner.tools.mcp.config import read_mcp_config

TEXT = README.read_text(encoding="utf-8")
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"^```console\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
TABLE_COMMANDS = re.findall(r"^\| `(airunner(?: [a-z]+)+|make [a-z]+)", TEXT, re.MULTILINE)

# Defaults that are another path for every user.
_PERSONAL = {
    "home": "the user's data folder",
    "pictures": "the user's pictures folder",
    "files": "`AI Runner` in the user's documents",
}
API = Path(airunner.components.llm.__file__).parent / "api/README.md"


def code_blocks(language: str, document: Path = README) -> list[str]:
    text = document.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("document", [README, API], ids=["readme", "api"])
def test_the_python_examples_run_one_after_the_other(
    document: Path, embedded_home: Path, tmp_path: Path
) -> None:
    script = tmp_path / "examples.py"
    script.write_text("\n".join(code_blocks("python", document)), encoding="utf-8")
    environ = {**os.environ, "AIRUNNER_HOME": str(embedded_home), "AIRUNNER_OFFLINE": "1"}
    environ |= {"AIRUNNER_CONTEXT": "1024"}
    command = [sys.executable, "-W", "error", script]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "no summary" not in done.stdout
    assert "could not be used" not in done.stderr


@pytest.mark.parametrize("line", [c for c in COMMANDS if c.startswith("airunner ")])
def test_a_command_of_the_examples_is_understood(line: str) -> None:
    # --help last: options and arguments are parsed, nothing is run.
    result = CliRunner().invoke(app, [*shlex.split(line)[1:], "--help"])
    assert result.exit_code == 0, result.output


def test_every_command_and_no_other_is_in_the_tables() -> None:
    listed = {command for command in TABLE_COMMANDS if command.startswith("airunner")}
    group = typer.main.get_command(app)
    names = set()
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        names |= {f"airunner {name} {sub}" for sub in inner} if inner else {f"airunner {name}"}
    assert listed == names


def test_the_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (README.parent / "Makefile").read_text(), re.MULTILINE))
    named = {c.split()[1] for c in [*COMMANDS, *TABLE_COMMANDS] if c.startswith("make ")}
    assert named <= targets
    assert targets - {"help"} <= named


def test_the_settings_are_listed_as_they_are() -> None:
    listed = [line for line in TEXT.splitlines() if line.startswith("| `--")]
    defaults = Settings()
    rows = []
    for name, setting in SETTINGS.items():
        usage = f"{setting.flag} {setting.metavar}".strip().replace("|", "\\|")
        unusual = not setting.variable.startswith("AIRUNNER_")
        meaning = setting.help + (f" (variable `{setting.variable}`)" if unusual else "")
        default = _PERSONAL.get(name) or defaults.shown(name)
        rows.append(f"| `{usage}` | {meaning} | {default} |")
    assert listed == rows


def test_the_configuration_example_is_usable(tmp_path: Path) -> None:
    (example,) = code_blocks("toml")
    file = tmp_path / "config.toml"
    file.write_text(example, encoding="utf-8")
    settings = Settings.load({"config": str(file)}, environ={})
    assert settings.max_memory == 6_000_000_000
    assert settings.assign == (("translation", "cpu:0"),)
    assert settings.permissions == (("write_file(path=notes/*)", "allow"),)


def test_the_example_of_mcp_servers_is_usable(tmp_path: Path) -> None:
    (example,) = code_blocks("json")
    file = tmp_path / "mcp.json"
    file.write_text(example, encoding="utf-8")
    config = read_mcp_config(file, origin="test", required=True)
    assert not config.problems
    assert [server.name for server in config.servers] == ["time", "notes"]


def test_the_figures_are_those_of_the_result_files() -> None:
    assert {match[2] for match in SECTION.finditer(TEXT)} == set(TABLES)
    assert filled(TEXT) == TEXT, "run: python -m benchmarks.readme"


def test_links_into_the_tree_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert links
    assert not [link for link in links if not (README.parent / link).exists()]
