"""Changing one setting: the field that suits its kind, what it does, and what stands against it.

What can be written is the service's to say; its words are shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nicegui import ui

from airunner.server.native.services import Services
from airunner.server.native.settings_service import ShownSetting
from airunner.ui.form_dialog import Form, form_dialog
from airunner.ui.notices import tell, tell_problem
from airunner.ui.page_words import page_words, setting_title

_HINTS = {
    "size": "600MB, 6.5GiB or 8G",
    "integer": "a whole number",
    "seconds": "a number of seconds",
    "folder": "a folder's path",
    "file": "a file's path",
    "pixels": "512x512",
    "names": "names with commas between them",
    "table": "NAME=VALUE with commas between them",
}


def title_of(shown: ShownSetting) -> str:
    """A setting's name for people: ``max_memory`` is "Max memory"."""
    return setting_title(shown.name)


def label_of(kind: str) -> str:
    """What stands at the field of a setting of this kind: how it is written."""
    hint = _HINTS.get(kind, "value")
    return hint[:1].upper() + hint[1:]


def change_setting(services: Services, shown: ShownSetting) -> None:
    """Show the dialog."""

    async def write(value: Any) -> None:
        (after,) = await asyncio.to_thread(services.settings.change, {shown.name: value})
        file = services.settings.file.path.name
        written = f"Written to {file}." if value is not None else f"Taken out of {file}."
        if after.overridden_by:
            tell(f"{written} The {after.overridden_by} still wins over it.")
        else:
            tell(f"{written} It needs a restart: it holds from the next start on.")
        if warning := await asyncio.to_thread(services.settings.warning, [shown.name]):
            tell_problem(warning)

    with form_dialog(title_of(shown)) as form:
        ui.label(page_words(f"{shown.help[:1].upper()}{shown.help[1:]}.")).classes("told")
        if shown.overridden_by:
            ui.label(
                f"Now it is {shown.value}, by the {shown.overridden_by}, which wins over the file "
                "as long as the server is started with it."
            ).classes("hint")
        value = _field(form, shown)

        async def save() -> None:
            given = value()
            if given != (shown.in_file or ""):
                await write(given or None)

        async def reset() -> None:
            await write(None)

        form.save = save
        if shown.in_file is not None:
            form.aside = (f"Back to the default ({shown.default})", reset)


def _field(form: Form, shown: ShownSetting) -> Callable[[], str]:
    now = shown.in_file if shown.in_file is not None else shown.value
    options = ("yes", "no") if shown.kind == "switch" else shown.options
    if options:
        chosen = ui.radio(list(options), value=now).props("dense")
        chosen.props["aria-label"] = title_of(shown)
        return lambda: str(chosen.value)
    hint = _HINTS.get(shown.kind, "")
    field = form.field(label_of(shown.kind), shown.in_file or "", shown.value)
    field.props["aria-label"] = f"{title_of(shown)}: {hint or 'value'}"
    field.props("autofocus")
    return lambda: str(field.value or "").strip()
