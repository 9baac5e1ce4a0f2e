"""README and manual do what they say: examples run, commands and settings exist."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from benchmarks import readme
from benchmarks.readme import PAGES, ROOT, SECTION, SUMMARIES, TABLES
from scripts import pages
from scripts.install import TORCH_INDEX

import airunner.components.llm
from airunner.cli.app import app
from airunner.config.settings import SETTINGS, Settings
from airunner.engines.known import known_engines
from airunner.mcp.client.config import read_mcp_config
from airunner.models.model_table import spec_of_table
from airunner.models.spec import ModelSpec

API = Path(airunner.components.llm.__file__).parent / "api/README.md"
SOURCE = ROOT / "src/airunner"
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
ALL = "\n".join(TEXTS.values())
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"^```(?:console|bash)\n(.*?)^```", ALL, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if line.startswith("$ ")
]
INLINE = re.findall(r"`(airunner [^`\n]+)`", ALL)
TABLE_COMMANDS = re.findall(r"^\| `(airunner(?: [a-z]+)+|make [a-z]+)", ALL, re.MULTILINE)
GROUP = typer.main.get_command(app)
OTHER_VARIABLES = {TORCH_INDEX, "AIRUNNER_TEST_CACHE"}


def code_blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


WITH_PYTHON = [page for page in (*PAGES, API) if code_blocks("python", page.read_text("utf-8"))]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_the_python_examples_run_one_after_the_other(
    page: Path, embedded_home: Path, tmp_path: Path
) -> None:
    source = "\n".join(code_blocks("python", page.read_text(encoding="utf-8")))
    script = tmp_path / "examples.py"
    script.write_text(source, encoding="utf-8")
    environ = {**os.environ, "AIRUNNER_HOME": str(embedded_home), "AIRUNNER_OFFLINE": "1"}
    environ |= {"AIRUNNER_CONTEXT": "1024", "AIRUNNER_PICTURES": str(tmp_path / "pictures")}
    command = [sys.executable, "-W", "error", script]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert bool(done.stdout.strip()) is ("print(" in source)
    assert "no summary" not in done.stdout
    assert "could not be used" not in done.stderr


def test_no_example_stands_on_two_pages() -> None:
    blocks = [b for text in TEXTS.values() for b in code_blocks("python", text)]
    assert len(blocks) == len(set(blocks))


@pytest.mark.parametrize("line", sorted({c for c in [*COMMANDS, *INLINE] if "airunner " in c}))
def test_a_command_of_the_examples_is_understood(line: str) -> None:
    words = shlex.split(line, comments=True)
    # --help last: options and arguments are parsed, nothing is run.
    arguments = [*words[words.index("airunner") + 1 :], "--help"]
    assert GROUP.main(arguments, "airunner", standalone_mode=False) == 0


def test_every_command_and_no_other_is_in_the_tables() -> None:
    listed = {command for command in TABLE_COMMANDS if command.startswith("airunner")}
    names = set()
    for name, command in GROUP.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command.load(), "commands", None)
        names |= {f"airunner {name} {sub}" for sub in inner} if inner else {f"airunner {name}"}
    assert listed == names


def test_the_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|[` ])make ([a-z]+)(?:`|$| )", "\n".join(COMMANDS), re.MULTILINE))
    named |= {c.split()[1] for c in TABLE_COMMANDS if c.startswith("make ")}
    assert named <= targets
    assert targets - {"help"} <= named


def test_modules_extras_and_variables_that_are_named_exist() -> None:
    modules = set(re.findall(r"python -m ((?:benchmarks|scripts|training)[\w.]*)", ALL))
    assert modules
    assert not [name for name in modules if importlib.util.find_spec(name) is None]
    extras = set(re.findall(r"(?:airunner|'\.)\[([\w-]+)\]", ALL))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = set(project["optional-dependencies"])
    assert extras
    assert extras <= known
    variables = set(re.findall(r"\bAIRUNNER_[A-Z_]+\b", ALL))
    assert variables <= {setting.variable for setting in SETTINGS.values()} | OTHER_VARIABLES


def test_flags_that_are_named_exist() -> None:
    commands = [GROUP]
    for command in GROUP.commands.values():  # type: ignore[attr-defined]
        loaded = command.load()
        commands += [loaded, *getattr(loaded, "commands", {}).values()]
    known = {
        option
        for command in commands
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    named = set(re.findall(r"(?<![\w-])`(--[a-z][\w-]*)", ALL))
    ours_alone = {"--skip", "--device", "--full-size"}  # of benchmarks
    assert named - ours_alone <= known | {"--help"}


def test_the_configuration_example_is_usable(tmp_path: Path) -> None:
    (example,) = code_blocks("toml", TEXTS[ROOT / "docs/settings.md"])
    file = tmp_path / "config.toml"
    file.write_text(example, encoding="utf-8")
    settings = Settings.load({"config": str(file)}, environ={})
    assert settings.max_memory == 12_000_000_000
    assert settings.assign == (("translation", "cpu"),)
    assert settings.permissions == (("write_file(path=notes/*)", "allow"),)
    for name, table in tomllib.loads(example)["models"].items():
        assert isinstance(spec_of_table(name, table, tmp_path, known_engines().traits), ModelSpec)


def test_the_example_of_mcp_servers_is_usable(tmp_path: Path) -> None:
    (example,) = code_blocks("json", ALL)
    file = tmp_path / "mcp.json"
    file.write_text(example, encoding="utf-8")
    config = read_mcp_config(file, origin="test", required=True)
    assert not config.problems
    assert [server.name for server in config.servers] == ["time", "notes"]


def test_each_measured_table_stands_once_and_shows_the_result_file() -> None:
    pages = "".join(text for page, text in TEXTS.items() if page.parent.name == "docs")
    shown = [m[2] for m in SECTION.finditer(pages)]
    assert sorted(shown) == sorted(TABLES)
    of_readme = [m[2] for m in SECTION.finditer(TEXTS[ROOT / "README.md"])]
    assert of_readme == [*SUMMARIES, "conversation"]
    for page, text in TEXTS.items():
        assert readme.filled(text) == text, f"{page.name}: run python -m benchmarks.readme"


def test_each_table_of_the_code_stands_once_and_is_up_to_date() -> None:
    assert sorted(m[2] for m in pages.SECTION.finditer(ALL)) == sorted(pages.TABLES)
    for page, text in TEXTS.items():
        assert pages.filled(text) == text, f"{page.name}: run python -m scripts.pages"


def test_the_readme_is_short_and_every_page_can_be_found() -> None:
    assert len(TEXTS[ROOT / "README.md"].splitlines()) <= 250
    index = TEXTS[ROOT / "docs/index.md"]
    for page in PAGES:
        if page.parent.name == "docs" and page.name != "index.md":
            assert f"]({page.name})" in index


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if heading:
            assert heading in headings(file), target


def headings(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_the_architecture_page_names_only_what_is_there() -> None:
    text = TEXTS[ROOT / "docs/architecture.md"]
    paths = re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:/|\.py))`", text)
    assert len(paths) > 20
    assert not [p for p in paths if not (SOURCE / p).exists() and not (ROOT / p).exists()]
    packages = {p.name for p in SOURCE.iterdir() if p.is_dir() and (p / "__init__.py").exists()}
    assert not [name for name in packages if f"`{name}/" not in text]


def test_the_architecture_page_shows_the_layers_that_are_enforced() -> None:
    (shown,) = code_blocks("text", TEXTS[ROOT / "docs/architecture.md"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    there = [[n for n in re.findall(r"[\w.]+", layer) if is_there(n)] for layer in layers]
    assert [re.findall(r"[\w.]+", line) for line in shown.splitlines()] == [t for t in there if t]


def is_there(module: str) -> bool:
    return module != "__main__" and importlib.util.find_spec(f"airunner.{module}") is not None
