"""An installation without extras: it starts, says what is missing, and offers no more than it has.

One process for all of it, in which the libraries of the extras cannot be imported.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from airunner.agent.tool_calling.tool_block import CORE_TOOLS
from airunner.toolbox.extras import NEEDS, missing_extras
from airunner.toolbox.toolset import whole_toolset

PROJECT = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text("utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
LIBRARIES = (
    "dateparser",
    "dateutil",
    "ddgs",
    "docx",
    "duckdb",
    "matplotlib",
    "mcp",
    "pint",
    "pydantic_monty",
    "pypdf",
    "torch",
    "trafilatura",
)
LEFT_OUT = {
    "calculate_date",
    "set_reminder",
    "check_python",
    "run_python",
    "convert_units",
    "ask_table",
    "query_table",
    "plot_chart",
    "read_web_page",
    "search_web",
    "summarize_web_page",
}
SCRIPT = """
import json, sys
from pathlib import Path
libraries, home = json.loads(sys.argv[1]), Path(sys.argv[2])
sys.modules.update(dict.fromkeys(libraries))  # an import of them fails from now on
from airunner.cli.app import main

def run(*arguments):
    sys.argv = ["airunner", *arguments]
    try:
        main()
    except SystemExit as ended:
        return ended.code or 0
    return 0

codes = [run("--help")]
codes += [run(*words, "--home", str(home)) for words in (("tools", "list"), ("doctor",))]

from airunner.agent.tool_calling.tool_block import ToolBlock
from airunner.config.settings import Settings
from airunner.errors import ToolFailedError
from airunner.events import EventBus
from airunner.runtime.tool_supply import ToolSupply
from airunner.toolbox.documents.reading import read_document

tools = ToolSupply(Settings(home=home), EventBus()).open()
home.joinpath("a.txt").write_text("Plain text.")
home.joinpath("a.pdf").write_bytes(b"%PDF-1.7")
problem = ""
try:
    read_document(home / "a.pdf", "a.pdf")
except ToolFailedError as error:
    problem = str(error)
print(json.dumps({
    "codes": codes,
    "tools": tools.names,
    "block": ToolBlock(tools).names,
    "text": read_document(home / "a.txt", "a.txt").sections[0].text,
    "problem": problem,
}))
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-c", SCRIPT, json.dumps(LIBRARIES), str(home)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def said(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ended.returncode == 0, ended.stderr
    result: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return result


def test_all_but_what_needs_a_library_is_offered(said: dict[str, Any]) -> None:
    assert said["codes"][:2] == [0, 0]
    assert {*whole_toolset().names} - {*said["tools"]} == LEFT_OUT
    assert set(said["block"]) == {*CORE_TOOLS} - LEFT_OUT


def test_what_has_to_be_installed_is_told(
    ended: subprocess.CompletedProcess[str], said: dict[str, Any]
) -> None:
    tables = "pip install 'airunner[tables]' adds query_table, ask_table."
    assert tables in ended.stderr
    assert tables in " ".join(ended.stdout.split())  # doctor's
    assert "pip install 'airunner[documents]'" in said["problem"]
    assert said["text"] == "Plain text."


def test_each_extra_that_is_spoken_of_exists_and_brings_the_libraries() -> None:
    tools = whole_toolset()
    for tool in tools:
        assert set(tool.needs) <= set(LIBRARIES), tool
        assert not tool.needs or tools.subject_of(tool.name) in EXTRAS, tool
    needed: dict[str, set[str]] = {}
    for tool in tools:
        if tool.needs:
            needed.setdefault(tools.subject_of(tool.name), set()).update(tool.needs)
    assert {subject: set(names) for subject, names in NEEDS.items()} == needed
    assert not missing_extras(), "the tests need all extras"
