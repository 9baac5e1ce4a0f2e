"""One model in full in a dialog: what it is, and its memory in each way of loading it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from nicegui import ui

from airunner.config.byte_size import format_bytes
from airunner.models.noncommercial import licence_words
from airunner.server.native.services import Services
from airunner.ui.dialog import titled_dialog
from airunner.ui.models.model_words import abilities

_SIZES = {
    "weights": "Weights",
    "kv": "KV cache",
    "compute": "Compute",
    "overhead": "Other",
    "total": "Together",
}
_LATER = "Once its weights are here, its memory is computed from the file, for each context."


async def show_details(services: Services, model: str) -> None:
    """Open the dialog.

    Raises:
        UnknownModelError: it is not registered any more.
        WeightsError: its weights are here and unusable.
    """
    sheet = await services.stored.sheet(model)
    fit = await services.finder.fit(model)
    with titled_dialog(model) as dialog:
        dialog.classes("broad")
        ui.label(fit.words)
        ui.html(_facts(sheet), sanitize=False, tag="dl").classes("details")
        ui.label("Memory").classes("caption")
        ui.html(_memory(sheet["memory"]) or f"<p>{_LATER}</p>", sanitize=False).classes("wide")
    dialog.open()


def _facts(sheet: Mapping[str, Any]) -> str:
    tokens = sheet["max_context"]
    flags = {
        "calls tools": sheet["supports_function_calling"],
        "thinks": sheet["supports_thinking"],
        "sees": sheet["supports_vision"] or "image" in sheet["media"],
    }
    parameters = sheet["parameters_b"]
    rows = {
        "Can do": abilities(sheet["capabilities"]),
        "Also": ", ".join(words for words, able in flags.items() if able),
        "Context": f"{tokens:,} tokens" if tokens else "",
        "Parameters": f"{parameters:g} billion" if parameters else "",
        "Quantization": sheet["quantization"],
        "Licence": licence_words(sheet["license"]),
        "Engine": sheet["engine"],
        "On disk": format_bytes(sheet["file_bytes"]) if sheet["file_bytes"] else "",
        "Lies at": sheet["path"] or "",
        "Comes from": "; ".join(filter(None, map(_source, sheet["sources"]))),
    }
    return "".join(
        f"<div><dt>{name}</dt><dd>{html.escape(str(value))}</dd></div>"
        for name, value in rows.items()
        if value
    )


def _source(source: Mapping[str, Any]) -> str:
    if repo := source.get("repo"):
        return f"{repo} on the hub"
    return str(source.get("path") or source.get("url") or source.get("project") or "")


def _memory(rows: list[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{w}</th>' for w in ("On", "Loaded as", *_SIZES.values(), ""))
    return (
        f'<table class="facts-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(map(_memory_row, rows))}</tbody></table>"
    )


def _memory_row(row: Mapping[str, Any]) -> str:
    chosen = '<span class="mark">as it is loaded</span>' if row["chosen"] else ""
    sizes = "".join(
        f'<td data-label="{words}">{format_bytes(row[f"{size}_bytes"])}</td>'
        for size, words in _SIZES.items()
    )
    budget = format_bytes(row["budget_bytes"])
    fits = f"fits {budget}" if row["fits"] else f"more than {budget}"
    return (
        f'<tr><th scope="row">{html.escape(row["device"])}</th>'
        f'<td data-label="Loaded as"><span>{html.escape(row["loaded_as"])}{chosen}</span></td>'
        f'{sizes}<td data-label="Budget">{fits}</td></tr>'
    )
