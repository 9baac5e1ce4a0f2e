"""Markdown that grows as it is written by a model.

Owns that little of it crosses the wire twice: a block that is finished is never sent again,
and of the last one, as of any ``GrowingHtml``, only what is not as it was.
"""

from __future__ import annotations

from nicegui import ui
from nicegui.element import Element

from airunner.ui.safe_markdown import blocks, rendered

_COLOURED_WHILE_GROWING = 4000


class GrowingHtml(Element, component="growing.js"):
    """HTML that is safe, and of which little changes at a time: only that is sent."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self._props["content"] = self._shown = content
        self.classes("block")

    def grow(self, content: str) -> None:
        """Show ``content`` instead."""
        if content == self._shown:
            return
        begin = _common_beginning(self._shown, content)
        old, new = self._shown[len(begin) :], content[len(begin) :]
        end = _common_beginning(old[::-1], new[::-1])
        self._shown = content
        self.run_method("patch", _units(begin), new[: len(new) - len(end)], _units(end))


def _units(text: str) -> int:
    """Its length as the browser counts, in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _common_beginning(one: str, other: str) -> str:
    low, high = 0, min(len(one), len(other))
    while low < high:  # by halves: comparing slices is quick, and texts are long
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return one[:low]


class GrowingText:
    """Text within ``place``, in blocks."""

    def __init__(self, place: ui.element) -> None:
        self._place = place
        self._tail = ""
        self._last: GrowingHtml | None = None
        self._changed = False

    def add(self, text: str) -> None:
        """More has come; ``draw`` shows it."""
        self._tail += text
        self._changed = True

    def draw(self) -> None:
        """Show what has come."""
        if not self._changed:
            return
        self._changed = False
        *finished, now = blocks(self._tail) or [""]
        for each in finished:
            self._show(rendered(each))
            self._last = None
        self._show(rendered(now, most_coloured=_COLOURED_WHILE_GROWING))
        self._tail = now

    def _show(self, content: str) -> None:
        if self._last is not None:
            self._last.grow(content)
            return
        with self._place:
            self._last = GrowingHtml(content)
