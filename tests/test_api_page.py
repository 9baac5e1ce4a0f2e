"""What is public is on the API page and in ``help()``, and nothing else is on that page."""

from __future__ import annotations

import inspect
import pydoc
import re
from pathlib import Path

import pytest

import airunner
import airunner.components.llm
from airunner import Conversation, LLMModelManager, Runtime, Settings, Toolset
from airunner.config.settings import SETTINGS

PAGE = Path(airunner.components.llm.__file__).parent / "api/README.md"
REFERENCE = PAGE.read_text(encoding="utf-8").partition("\n## Reference\n")[2].partition("\n## ")[0]
CLASSES = (LLMModelManager, Runtime, Settings, Conversation, Toolset)


def listed(heading: str) -> list[str]:
    """The names in the first column of the table below a heading of the reference."""
    section = REFERENCE.partition(f"\n### {heading}\n")[2].partition("\n### ")[0]
    return re.findall(r"^\| `(\w+)` \| .", section, re.MULTILINE)


def public(kind: type) -> list[str]:
    """The public members of a class; the settings themselves have a page of their own."""
    elsewhere = set(SETTINGS) if kind is Settings else set()
    return sorted(name for name in dir(kind) if name[0] != "_" and name not in elsewhere)


def test_every_exported_name_is_on_the_page_and_in_help() -> None:
    assert sorted(listed("What is exported")) == sorted(airunner.__all__)
    told = pydoc.plain(pydoc.render_doc(airunner))
    assert airunner.__version__ in told
    names = set(airunner.__all__) - {"__version__"}
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", told)) == []


@pytest.mark.parametrize("kind", CLASSES)
def test_every_public_member_is_on_the_page_and_in_help(kind: type) -> None:
    assert sorted(listed(kind.__name__)) == public(kind)
    said = f"{inspect.getdoc(kind)}\n"
    for name in dir(kind):
        member = inspect.getattr_static(kind, name)
        if name[0] == "_":
            continue
        if inspect.ismemberdescriptor(member):  # a field has no docstring of its own
            assert re.search(rf"(``{name}``|^ *{name}: \w)", said, re.MULTILINE), name
        else:
            told = inspect.getdoc(getattr(kind, name)) or inspect.getdoc(member)
            assert told, name
            assert not told.startswith("See "), f"{name}: say in a line what it does"


def test_what_a_runtime_runs_with_is_told() -> None:
    """The parts that a runtime has as attributes, which a class does not show."""
    section = REFERENCE.partition("\n### Runtime\n")[2].partition("\n| member")[0]
    parts = re.findall(r"`(\w+)`", section)
    told = re.findall(r"^    (\w+): ", inspect.getdoc(Runtime) or "", re.MULTILINE)
    assert set(parts) == set(told)
    with Runtime(Settings(offline=True), command="test") as runtime:
        assert [part for part in parts if not hasattr(runtime, part)] == []
