"""The keys of programs and people elsewhere: what each may do, a new one, one less."""

from __future__ import annotations

import asyncio
import html
import json
import time
from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

from nicegui import ui

from airunner.events import SetupChanged
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.buttons import word_button
from airunner.ui.dialog import titled_dialog
from airunner.ui.form_dialog import form_dialog
from airunner.ui.row_list import RowList
from airunner.ui.rows import Act, Row

_INTRO = (
    "This machine needs none. A program or a browser on another one gives a key, and may then do "
    "what is written here."
)
_PRIORITIES = {"low": "Low: others go first", "normal": "Normal", "high": "High: before others"}


class KeyList:
    """The keys of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        RowList(
            services,
            (SetupChanged,),
            self._read,
            search="Search keys",
            empty="None yet.",
            intro=_INTRO,
            buttons=lambda: word_button("Add a key…", self._add, main=True),
        )

    async def _read(self, wanted: str) -> dict[Hashable, Row]:
        keys = await asyncio.to_thread(self._services.keys.all)
        names = [str(key["name"]) for key in keys]
        return {
            name: Row(
                _as_html(key), (Act("Revoke…", f"Revoke {name}", partial(self._revoke, name)),)
            )
            for name, key in zip(names, keys, strict=True)
            if wanted in name.casefold()
        }

    def _revoke(self, name: str) -> None:
        async def revoke() -> None:
            await asyncio.to_thread(self._services.keys.remove, name)

        words = f"Whoever uses the key {name} is refused from now on. It cannot be brought back."
        ask_first("Revoke this key?", words, "Revoke", revoke)

    def _add(self) -> None:
        with form_dialog("Add a key") as form:
            name = form.field("Name: whose key it is").props("autofocus")
            models = form.field("Models, by patterns", hint="all")
            tools = form.field("Tools, by patterns", hint="all")
            priority = ui.select(_PRIORITIES, label="Priority", value="normal")
            priority.props("outlined dense").classes("wide")
            manages = ui.checkbox("May manage this server: this page and all settings")
            manages.props("dense")

            async def save() -> None:
                called = str(name.value or "").strip()
                made = await asyncio.to_thread(
                    self._services.keys.add,
                    called,
                    models=[str(models.value or "")],
                    tools=[str(tools.value or "")],
                    priority=str(priority.value),
                    manages=bool(manages.value),
                )
                self._told(called, made)

            form.save, form.words = save, "Make the key"

    def _told(self, name: str, key: str) -> None:
        with ui.context.client.content, titled_dialog(f"The key of {name}") as dialog:
            ui.label(
                "Copy it now. It is shown this once: only a fingerprint of it is kept."
            ).classes("told")
            ui.html(html.escape(key), sanitize=False, tag="code").classes("new-key")
            with ui.element("div").classes("buttons"):
                word_button("Copy").on(
                    "click", js_handler=f"() => airunner.copy({json.dumps(key)})"
                )
                word_button("I have it", dialog.close, main=True)
        dialog.props("persistent").open()


def _as_html(key: Mapping[str, Any]) -> str:
    def those(what: str) -> str:
        patterns = key.get(what) or []
        shown = ", ".join(patterns)
        return f"all {what}" if shown in ("", "*") else f"{what} {shown}"

    made = time.strftime("%d %B %Y", time.localtime(key.get("made_s", 0)))
    facts = [those("models"), those("tools"), f"{key.get('priority', 'normal')} priority"]
    return (
        f'<span class="name">{html.escape(str(key["name"]))}</span>'
        f'<span class="value">{"manages the server" if key.get("manages") else ""}</span>'
        f'<span class="what">{html.escape(", ".join(facts))}</span>'
        f'<span class="origin">made {made}</span>'
    )
