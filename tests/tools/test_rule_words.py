"""What a rule covers, in words that a person decides by."""

from __future__ import annotations

import pytest

from airunner.components.llm.tools.image_tools import image_toolset
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.rule_words import covers


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("@execute", "every tool that runs programs or code"),
        ("save_note", "save"),
        ("save_n*", "the tool save_note"),
        ("nothing_like_it", "no tool of this name"),
        ("no?e_such", "no tool of such a name"),
        ("write_file(path=notes/*, append=true)", "calls of write_file, where path fits notes/* "),
        ("@network(url=*)", "every tool that reaches the network, where url is anything"),
    ],
)
def test_a_rule_says_what_it_covers(pattern: str, words: str) -> None:
    tools = tuple(builtin_toolset() + image_toolset())
    assert covers(pattern, tools).startswith(words)


def test_what_is_no_rule_has_no_words() -> None:
    with pytest.raises(ValueError, match="names no tool"):
        covers("rm -rf", ())
