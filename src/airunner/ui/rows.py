"""Rows of a list that stay where they are: each says what it is, with buttons beside it.

Owns that a list is not drawn anew when something in it has changed: who is about to press a
button, or has the focus, keeps it, and what is pressed is done with what the row shows now.
"""

from __future__ import annotations

import html
import inspect
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from airunner.errors import AiRunnerError
from airunner.ui.buttons import icon_button, word_button
from airunner.ui.notices import tell_problem


@dataclass(frozen=True, slots=True)
class Act:
    """A button of a row: no other in the row has its ``words``.

    ``name`` is its accessible name; with an ``icon`` the words are not shown; ``main`` is the
    one usually wanted.
    """

    words: str
    name: str
    do: Callable[[], Awaitable[None] | Any]
    icon: str = ""
    main: bool = False


@dataclass(frozen=True, slots=True)
class Switch:
    """The switch of a row: its accessible name, how it is, and what is told of another value."""

    name: str
    value: bool
    changed: Callable[[bool], Awaitable[None] | Any]


@dataclass(frozen=True, slots=True)
class Row:
    """What a row shows: HTML of ours, a switch, buttons. Whether it has a switch never changes."""

    content: str
    acts: tuple[Act, ...] = ()
    switch: Switch | None = None


class Rows:
    """The rows of one list; ``css`` are the classes of each, ``name`` that of the whole."""

    def __init__(self, css: str = "setting", name: str = "") -> None:
        self._css = css
        self._shown: dict[Hashable, _Shown] = {}
        self._box = ui.element("div").classes("rows").props("role=list")
        if name:
            self._box.props["aria-label"] = name
        self._box.set_visibility(False)

    def show(self, rows: Mapping[Hashable, Row]) -> None:
        """Have the list show these, in this order."""
        self._box.set_visibility(bool(rows))
        for key in self._shown.keys() - rows.keys():
            self._shown.pop(key).box.delete()
        for key, row in rows.items():
            if key in self._shown:
                self._shown[key].take(row)
            else:
                with self._box:
                    self._shown[key] = _Shown(row, self._css)
        _in_order(self._box, [self._shown[key].box for key in rows])


class _Shown:
    """A row that is shown. What its buttons do is what the row of the moment says."""

    def __init__(self, row: Row, css: str) -> None:
        self._buttons: dict[str, ui.button] = {}
        self._switch: ui.switch | None = None
        self._showing = False
        self._busy: set[str] = set()
        with ui.element("div").classes(css).props("role=listitem") as self.box:
            self._facts = ui.html("", sanitize=False).classes("facts")
            self._acts = ui.element("div").classes("acts")
        if row.switch is not None:
            with self._acts:
                self._switch = ui.switch(value=row.switch.value).props("dense")
                self._switch.on_value_change(lambda event: self._switched(bool(event.value)))
        self.take(row)

    def take(self, row: Row) -> None:
        """Show another row in its place; a button that both have stays."""
        self._row = row
        self._facts.set_content(row.content)
        acts = {act.words: act for act in row.acts}
        for words in self._buttons.keys() - acts.keys():
            self._buttons.pop(words).delete()
        for words, act in acts.items():
            if words not in self._buttons:
                with self._acts:
                    self._buttons[words] = self._button(act)
            _name(self._buttons[words], act.name)
        if self._switch is not None and row.switch is not None:
            _name(self._switch, row.switch.name)
            self._showing = True
            self._switch.set_value(row.switch.value)
            self._showing = False
        switch = [] if self._switch is None else [self._switch]
        _in_order(self._acts, [*switch, *(self._buttons[words] for words in acts)])

    def _button(self, act: Act) -> ui.button:
        async def clicked() -> None:
            await self._do(act.words)

        if act.icon:
            return icon_button(act.icon, act.name, clicked).props("dense")
        return word_button(act.words, clicked, main=act.main)

    async def _do(self, words: str) -> None:
        """Do what a button says, once at a time; it keeps the focus meanwhile."""
        act = next((each for each in self._row.acts if each.words == words), None)
        if act is None or words in self._busy:
            return
        self._busy.add(words)
        self._buttons[words].props("aria-busy=true")
        try:
            done = act.do()
            if inspect.isawaitable(done):
                await done
        except AiRunnerError as error:
            tell_problem(error)
        finally:
            self._busy.discard(words)
            if words in self._buttons:
                self._buttons[words].props(remove="aria-busy")

    def _switched(self, value: bool) -> Awaitable[None] | Any:
        """What a person has changed is done; what is merely shown anew is not."""
        if not self._showing and self._row.switch is not None:
            return self._row.switch.changed(value)
        return None


def named(name: str, *more: tuple[str, str]) -> str:
    """A row's HTML: its name, and under it pieces of text, each with its class."""
    spans = "".join(f'<span class="{css}">{html.escape(text)}</span>' for css, text in more if text)
    return f'<span class="name">{html.escape(name)}</span>{spans}'


def _name(element: ui.element, name: str) -> None:
    if element.props.get("aria-label") != name:
        element.props["aria-label"] = name


def _in_order(box: ui.element, wanted: Iterable[ui.element]) -> None:
    for place, element in enumerate(wanted):
        if box.default_slot.children.index(element) != place:
            element.move(target_index=place)
