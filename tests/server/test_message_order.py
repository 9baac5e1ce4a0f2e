"""One system message stands first; what is said as one further down stays where it is."""

from __future__ import annotations

from typing import Any

import pytest

from airunner.server.message_order import in_order


def said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


FIRST = said("system", "Be brief.")
TEXT = {"type": "text", "text": "New."}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}


@pytest.mark.parametrize(
    ("rows", "ordered"),
    [
        (
            [
                said("developer", "Be brief."),
                said("system", [TEXT]),
            ],
            [said("system", "Be brief.\n\nNew.")],
        ),
        (
            [FIRST, said("user", "Hello."), said("system", "It is noon.")],
            [FIRST, said("user", "Hello.\n\nIt is noon.")],
        ),
        (
            [said("user", "Hello."), said("assistant", "Hm."), said("system", "New."), FIRST],
            [said("user", "Hello."), said("assistant", "Hm."), said("user", "New.\n\nBe brief.")],
        ),
        (
            [said("assistant", "Hm."), said("system", "New."), said("user", [PICTURE])],
            [
                said("assistant", "Hm."),
                said("user", [TEXT, PICTURE]),
            ],
        ),
        (
            [said("tool", "noon"), said("system", "New."), said("tool", "night")],
            [said("tool", "noon"), said("user", "New."), said("tool", "night")],
        ),
        (
            [said("user", "A"), said("user", "B"), said("system", ""), said("user", "C")],
            [said("user", "A"), said("user", "B"), said("user", "C")],
        ),
    ],
    ids=["several", "after", "before", "parts", "alone", "nothing"],
)
def test_the_order(rows: list[dict[str, Any]], ordered: list[dict[str, Any]]) -> None:
    assert in_order(rows) == ordered


def test_what_comes_later_does_not_change_what_was_said() -> None:
    rows = [FIRST, said("user", "Hello."), said("system", "It is noon."), said("assistant", "Hm.")]
    later = [said("system", "It is night."), said("user", "And now?")]
    assert in_order([*rows, *later])[: len(in_order(rows))] == in_order(rows)
