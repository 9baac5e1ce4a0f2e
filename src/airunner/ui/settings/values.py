"""Every setting by its subject: what holds, where it came from, and changing it."""

from __future__ import annotations

import asyncio
import html
from functools import partial

from nicegui import ui

from airunner.errors import AiRunnerError
from airunner.events import SetupChanged
from airunner.server.native.services import Services
from airunner.server.native.settings_service import SUBJECTS, ShownSetting
from airunner.ui.buttons import word_button
from airunner.ui.page_words import page_words
from airunner.ui.parts import heading, search_field
from airunner.ui.settings.setting_dialog import change_setting, title_of
from airunner.ui.window import in_order, on_events

_RULES = "permissions"


class SettingValues:
    """The settings of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: dict[str, ShownSetting] = {}
        self._facts: dict[str, ui.html] = {}
        self._rows: list[tuple[ui.element, str]] = []
        self._pending = ui.html("", sanitize=False).classes("pending").props('role="status"')
        self._field = search_field("Search settings", self._sift)
        self._problem = ui.label("").classes("wrong").props('role="alert"')
        self._shown = ui.element("div").classes("subjects")
        self._none = ui.label("No setting has such words.").classes("hint")
        self._none.set_visibility(False)
        on_events(services.core.bus, (SetupChanged,), self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    @in_order
    async def refresh(self) -> None:
        """Show the settings as they are."""
        if self._shown.is_deleted:
            return
        try:
            known = await asyncio.to_thread(self._services.settings.all)
        except AiRunnerError as error:
            self._problem.set_text(str(error))
            return
        self._problem.set_text("")
        self._known = {each.name: each for each in known}
        waiting = ", ".join(html.escape(title_of(each)) for each in known if each.pending)
        self._pending.set_content(
            f"<b>Holds from the next start on:</b> {waiting}." if waiting else ""
        )
        for name, facts in self._facts.items():  # in place, so that nobody loses theirs
            facts.set_content(_as_html(self._known[name]))
        if not self._facts:
            self._build()
            self._sift()

    def _build(self) -> None:
        with self._shown:
            for subject, names in SUBJECTS.items():
                with ui.element("section") as section:
                    heading(subject)
                    for name in names:
                        self._row(self._known[name])
                self._rows.append((section, ""))

    def _row(self, shown: ShownSetting) -> None:
        with ui.element("div").classes("setting") as row:
            facts = ui.html(_as_html(shown), sanitize=False).classes("facts")
            if shown.name == _RULES:
                ui.html('<a href="/settings/permissions">Show the rules</a>', sanitize=False)
            elif shown.changeable:
                button = word_button("Change…", partial(self._change, shown.name))
                button.props["aria-label"] = f"Change {title_of(shown)}"
        words = f"{shown.name} {title_of(shown)} {shown.help} {shown.subject} {shown.flag}"
        self._facts[shown.name] = facts
        self._rows.append((row, words.casefold()))

    def _change(self, name: str) -> None:
        change_setting(self._services, self._known[name])

    def _sift(self) -> None:
        """Leave what has every word that is searched for; subjects without any go too."""
        wanted = (self._field.value or "").casefold().split()
        any_shown = in_subject = False
        for element, words in self._rows:
            if words:
                fits = all(word in words for word in wanted)
                in_subject |= fits
            else:  # the section comes after its rows
                fits, in_subject = in_subject, False
                any_shown |= fits
            element.set_visibility(fits)
        self._none.set_visibility(bool(self._rows) and not any_shown)


def _as_html(shown: ShownSetting) -> str:
    origin = f"from {shown.origin.split(' (')[0]}"
    if shown.origin.startswith("flag ") or shown.origin == "default":
        origin = shown.origin
    elif shown.origin == shown.variable:
        origin = f"variable {shown.variable}"
    notes = [html.escape(origin)]
    if shown.pending:
        coming = shown.default if shown.in_file is None else shown.in_file
        notes.append(f'<b class="next">{html.escape(coming)} from the next start on</b>')
    if shown.overridden_by and shown.in_file is not None:
        notes.append(f"the file says {html.escape(shown.in_file)}, which this wins over")
    words = page_words(shown.help[:1].upper() + shown.help[1:])
    value = html.escape("none" if shown.value == "-" else shown.value)
    return (
        f'<span class="name">{html.escape(title_of(shown))}</span>'
        f'<span class="value">{value}</span>'
        f'<span class="what">{html.escape(words)}.</span>'
        f'<span class="origin" title="{html.escape(shown.origin)}">{" · ".join(notes)}</span>'
    )
