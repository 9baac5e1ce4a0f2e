"""What ``airunner doctor`` finds: problems with what to do, and a button where a call can."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import partial
from typing import Any

from nicegui import ui

from airunner.config.byte_size import format_bytes
from airunner.errors import AiRunnerError
from airunner.server.native.services import Services
from airunner.ui.buttons import word_button
from airunner.ui.notices import tell, tell_problem
from airunner.ui.page_words import page_html
from airunner.ui.parts import heading
from airunner.ui.rows import Act, Row, Rows
from airunner.ui.window import in_order


class Checkup:
    """The examination of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        with ui.element("div").classes("subjects").props('aria-live="polite"'):
            with ui.element("section"):
                heading("Problems")
                self._hint = ui.label("Looking at everything a run needs…").classes("hint")
                self._problems = Rows()
            self._tables = ui.html("", sanitize=False).classes("subjects")
        self._again = word_button("Look again", self.refresh).classes("below")
        ui.timer(0.02, self.refresh, once=True)

    @in_order
    async def refresh(self) -> None:
        """Examine, and show what was found."""
        self._again.props("aria-busy=true")
        try:
            report = await self._services.checkups.report()
        except AiRunnerError as error:
            tell_problem(error)
            return
        finally:
            self._again.props(remove="aria-busy")
        if self._hint.is_deleted:
            return
        problems = report["problems"]
        self._hint.set_text("" if problems else "None. Everything that a run needs is here.")
        self._problems.show({each["id"]: self._problem(each) for each in problems})
        self._tables.set_content(
            _table("This machine", [_device(each) for each in report["devices"]])
            + _table("Disks", [_place(each) for each in report["places"]])
            + _table("Worth knowing", [("", note) for note in report["notes"]])
        )

    def _problem(self, problem: Mapping[str, Any]) -> Row:
        fix = problem["fix"]
        grave = "prevents running" if problem["prevents_running"] else "worth mending"
        mend = partial(self._mend, problem["id"])
        return Row(
            f'<span class="name">{page_html(problem["what"])}</span>'
            f'<span class="value {"wrong" if problem["prevents_running"] else ""}">{grave}'
            f'</span><span class="what">{page_html(problem["remedy"])}</span>',
            (Act(fix["label"], fix["label"], mend, main=True),) if fix else (),
        )

    async def _mend(self, id: str) -> None:
        done = await self._services.checkups.mend(id)
        if done["fetch"]:
            tell(f"{done['fetch']} is being fetched.")
        elif done["needs_restart"]:
            tell("Written. It holds from the next start on.")
        else:
            tell("Done.")
        await self.refresh()


def _device(device: Mapping[str, Any]) -> tuple[str, str]:
    budget = device.get("budget_bytes")
    words = "not used" if budget is None else f"{format_bytes(budget)} may be used"
    return str(device.get("id", "")), f"{device.get('name', '')}: {words}"


def _place(place: Mapping[str, Any]) -> tuple[str, str]:
    free = place["free_bytes"]
    words = "unknown" if free is None else f"{format_bytes(free)} free"
    return str(place["purpose"]), f"{words} in {place['path']}"


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    lines = "".join(
        f'<div class="line"><span class="name">{html.escape(name)}</span>'
        f"<span>{html.escape(words)}</span></div>"
        for name, words in rows
    )
    return f"<section><h2>{html.escape(title)}</h2>{lines}</section>" if rows else ""
