"""One model in full, for people; what is said of it is the runtime's."""

from __future__ import annotations

from typing import Any

from airunner.cli.console import out
from airunner.cli.whole_words import columns
from airunner.config.byte_size import format_bytes
from airunner.errors.pasted import pasted
from airunner.models.noncommercial import licence_words
from airunner.weights.local import gone_words

_NOT_FIELDS = {"gone", "memory", "model_path", "sources", "sampling", "wanted_for"}
_CAPABILITIES = ("capabilities", "wanted_for")


def print_sheet(sheet: dict[str, Any]) -> None:
    """The sheet for people."""
    console = out()
    table = columns("", "")
    for name, value in sheet.items():
        if name not in _NOT_FIELDS:
            told = licence_words(value) if name == "license" else value
            table.add_row(name.replace("_", " "), _shown(name, told))
    table.add_row("wanted for", _shown("wanted_for", sheet["wanted_for"]))
    sampling = {name: v for name, v in sheet["sampling"].items() if v is not None}
    table.add_row("sampling", ", ".join(f"{n}={v}" for n, v in sampling.items()) or "-")
    for source in sheet["sources"]:
        details = ", ".join(f"{n}={v}" for n, v in source.items() if n != "source" and v)
        table.add_row("source", f"{source['source']}: {details}")
    console.print(table)
    if sheet["gone"]:
        command = pasted("airunner", "models", "remove", sheet["model_path"])
        advice = f"Put it back, or `{command}` forgets the model."
        console.print(f"\nNot usable: {gone_words(sheet['gone'])}. {advice}", soft_wrap=True)
        return
    if not sheet["memory"]:
        command = pasted("airunner", "models", "pull", sheet["model_path"])
        advice = f"`{command}` fetches the weights"
        console.print(f"\n{advice}; their memory is then computed from the file.")
        return
    console.print("\nMemory when loaded (* as it would be now)", style="bold")
    numbers = ("Loaded as", "Weights", "KV", "Compute", "Other", "Total", "Budget")
    table = columns("On", *numbers, "", right=numbers)
    for row in sheet["memory"]:
        sizes = ("weights", "kv", "compute", "overhead", "total", "budget")
        table.add_row(
            row["device"],
            f"{row['loaded_as']}{'*' if row['chosen'] else ' '}",
            *(format_bytes(row[f"{size}_bytes"]) for size in sizes),
            "" if row["fits"] else "too big",
        )
    console.print(table)


def _shown(name: str, value: object) -> str:
    if name.endswith("_bytes") and isinstance(value, int):
        return f"{format_bytes(value)} ({value:,} bytes)"
    if isinstance(value, list):
        words = ", ".join(map(str, value)) or "-"
        return words.replace("_", " ") if name in _CAPABILITIES else words
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
