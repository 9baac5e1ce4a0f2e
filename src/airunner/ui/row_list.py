"""A part of a page that is one list: finding something in it, adding to it, its rows.

Owns when the list is read anew, and what is said where nothing is in it or it cannot be read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any

from nicegui import ui

from airunner.errors import AiRunnerError
from airunner.events import Event
from airunner.server.native.services import Services
from airunner.ui.page_words import page_words
from airunner.ui.parts import search_field
from airunner.ui.rows import Row, Rows
from airunner.ui.window import in_order, on_events

_MANY = 8


class RowList:
    """The list of one tab.

    ``read`` makes its rows, of what has the words that it is given in lower case; ``news``
    are the events after which it is read again. ``search`` is the name of the field, which is
    there from ``many`` rows on; ``empty`` what is said where nothing is there; ``buttons``
    builds what stands beside the field.
    """

    def __init__(
        self,
        services: Services,
        news: tuple[type[Event], ...],
        read: Callable[[str], Awaitable[Mapping[Hashable, Row]]],
        *,
        search: str,
        empty: str,
        intro: str = "",
        many: int = _MANY,
        buttons: Callable[[], Any] = lambda: None,
    ) -> None:
        self._read, self._empty, self._many = read, empty, many
        if intro:
            ui.label(intro).classes("intro")
        with ui.element("div").classes("over"):
            self._field = search_field(search, self.refresh)
            self._field.set_visibility(False)
            buttons()
        self._problem = ui.label("").classes("wrong").props('role="alert"')
        self._hint = ui.label("").classes("hint")
        self._rows = Rows()
        on_events(services.core.bus, news, self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    @in_order
    async def refresh(self) -> None:
        """Show the list as it is."""
        wanted = (self._field.value or "").strip().casefold()
        problem, rows = "", dict[Hashable, Row]()
        try:
            rows = dict(await self._read(wanted))
        except AiRunnerError as error:
            problem = page_words(error)
        if self._hint.is_deleted:
            return
        self._field.set_visibility(bool(wanted) or len(rows) >= self._many)
        self._problem.set_text(problem)
        nothing = "" if rows or problem else "Nothing here has such words."
        self._hint.set_text(nothing if wanted else nothing and self._empty)
        self._rows.show(rows)
