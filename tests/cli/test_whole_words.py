"""Tables on narrow terminals: no name is broken."""

from __future__ import annotations

import pytest
from rich.console import Console

from airunner.cli.whole_words import columns

NAME = "publisher/Some-Model-30B-A3B-Instruct-2512"


def shown(width: int, *headers: str, rows: list[list[str]], right: tuple[str, ...] = ()) -> str:
    console = Console(width=width, force_terminal=False)
    table = columns(*headers, right=right)
    for row in rows:
        table.add_row(*row)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


@pytest.mark.parametrize("width", [120, 80, 60, 44])
def test_no_word_of_a_table_is_broken(width: int) -> None:
    rows = [[NAME, "ready on cuda:0", "19.5 GB"], ["small", "-", "900 MB"]]
    text = shown(width, "Model", "State", "Memory", rows=rows, right=("Memory",))
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert {NAME, "small", "cuda:0"} <= set(text.split())
    assert "19.5 GB" in text


def test_only_the_pairs_that_do_not_fit_beside_each_other_are_set_below() -> None:
    rows = [["engine", "llama_cpp"], ["path", f"/models/{NAME}"], ["gated", "no"]]
    assert [line.rstrip() for line in shown(52, "", "", rows=rows).splitlines()] == [
        "engine  llama_cpp",
        "path",
        f"  /models/{NAME}",
        "gated   no",
    ]


def test_no_line_is_padded_to_the_longest() -> None:
    rows = [["short", "a"], ["long", "b " * 300]]
    for width in (10_000, 60):
        for headers in (("", ""), ("k", "v")):
            lines = shown(width, *headers, rows=rows).splitlines()
            assert [line for line in lines if line.endswith(" ")] == []
            assert "short  a" in lines


def test_what_fits_is_a_table_as_ever() -> None:
    rows = [["a", "x y", "1"], ["bb", "-", "22"]]
    assert [line.rstrip() for line in shown(20, "k", "v", "n", rows=rows).splitlines()] == [
        "k   v    n",
        "a   x y  1",
        "bb  -    22",
    ]
    assert shown(20, "k", "v", rows=[]).split() == ["k", "v"]
