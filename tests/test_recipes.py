"""``docs/contributing.md``, followed to the letter in a copy of the tree."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from benchmarks.readme import ROOT
from tests.hub_pages import publish
from tests.weights.conftest import file_server

RECIPES = (ROOT / "docs/contributing.md").read_text(encoding="utf-8")
COPIED = ("src", "docs", "scripts", "benchmarks", "README.md", "pyproject.toml")
FOR_TESTS = ("conftest.py", "children.py", "engines/parrot_engine")
REPOSITORY = "Qwen/Qwen3-0.6B-GGUF"
# Each test starts many programs: where all cores are busy, one of them alone takes minutes.
pytestmark = pytest.mark.timeout(900)
STEP = re.compile(r"(Write|[Aa]dd at the end of)\s`([^`\s]+)`:\n\n```\w+\n(.*?)^```", re.S | re.M)
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.S | re.M)
PYTHON = {"python": [sys.executable], "airunner": [sys.executable, "-m", "airunner"]}


class Tree:
    """A copy of the tree, in which files are written and commands run."""

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self.root, self.environ = root, environ

    def follow(self, heading: str) -> None:
        """Do what stands below a heading, from top to bottom, and compare what is shown."""
        section = RECIPES.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        assert STEP.search(section)
        assert CONSOLE.search(section)
        fences = section.count("```") // 2
        steps = [*STEP.finditer(section), *CONSOLE.finditer(section)]
        assert len(steps) == fences, "a block that is neither written nor run"
        for step in sorted(steps, key=lambda step: step.start()):
            if step.re is CONSOLE:
                self.run_all(step[1])
            else:
                self.put(step[1], self.root / step[2], step[3])

    def put(self, verb: str, file: Path, text: str) -> None:
        """Write a file, or add to one that is there."""
        is_new = verb == "Write"
        assert file.exists() is not is_new or file.name == "descriptor.py", file
        before = "" if is_new else file.read_text(encoding="utf-8") + "\n"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(before + text, encoding="utf-8")

    def run_all(self, block: str) -> None:
        """Run each command; the lines below it are what it writes."""
        for told in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, shown = told.partition("\n")
            output = self.run(command)
            if shown:
                assert [line.rstrip() for line in output.splitlines()] == shown.splitlines()

    def run(self, command: str) -> str:
        words = shlex.split(command)
        environ = dict(self.environ)
        while re.fullmatch(r"[A-Z]+=.*", words[0]):
            name, _, value = words.pop(0).partition("=")
            environ[name] = os.pathsep.join([value, environ[name]])
        if words[:2] == ["make", "quick"]:
            wanted = words[2].removeprefix("ARGS=").split()
            words = [sys.executable, "-m", "pytest", "-q", "-m", "not real", *wanted]
        words = [*PYTHON.get(words[0], words[:1]), *words[1:]]
        done = subprocess.run(words, cwd=self.root, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, smollm2: Path) -> Iterator[Tree]:
    """The copy, and a hub that has a small model under the name of the recipe's."""
    root = tmp_path_factory.mktemp("tree")
    for name in (*COPIED, *(f"tests/{name}" for name in FOR_TESTS)):
        source, target = ROOT / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)  # with the bytecode: many programs are started of it
        else:
            shutil.copy(source, target)
    with file_server() as hub:
        publish(hub, REPOSITORY, {"Qwen3-0.6B-Q8_0.gguf": smollm2.read_bytes()})
        environ = {**os.environ, "HF_ENDPOINT": hub.url, "AIRUNNER_HOME": str(root / "home")}
        environ |= {"PYTHONPATH": str(root / "src"), "AIRUNNER_CONTEXT": "1024", "COLUMNS": "100"}
        # The copy is new: without bytecode each program compiles all of it again.
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        yield Tree(root, environ)


def test_the_first_tool(tree: Tree) -> None:
    tree.follow("Your first tool")
    assert "| `count_letter` |" in (tree.root / "docs/tools.md").read_text(encoding="utf-8")


def test_the_first_model(tree: Tree) -> None:
    tree.follow("Your first model")
    assert "Qwen/Qwen3-0.6B**" in (tree.root / "docs/models.md").read_text(encoding="utf-8")


def test_the_first_engine(tree: Tree) -> None:
    tree.follow("Your first engine")


def test_what_the_recipes_write_is_in_the_style_of_the_house(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for number, (verb, path, text) in enumerate(STEP.findall(RECIPES)):
        if verb == "Write":
            (tmp_path / f"block_{number}_{Path(path).name}").write_text(text, encoding="utf-8")
    rules = ["--ignore=D1,INP,I001,TID"]
    for words in (["check", *rules], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *words, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
