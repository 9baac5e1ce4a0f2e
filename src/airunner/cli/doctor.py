"""``airunner doctor``: is everything in order, and if not, what to do.

Owns how the report is shown; ``runtime.checkup`` makes it.
"""

from __future__ import annotations

from typing import Any

import typer

from airunner.cli.flags import EXIT_FAILED, AsJson
from airunner.config.settings import LoadedSettings

_NAMES = {"assign": "assign (devices)"}
"""What a setting's row is called where its name alone says something else as a command."""


def doctor(
    loaded: LoadedSettings,
    as_json: AsJson = False,
) -> None:
    """Check settings, devices, weights and space.

    Shows each setting with its origin, and what to do about each problem.
    What of them cannot be used is left out, and is a problem. Exits 1 if something
    prevents running.
    """
    from airunner.cli.console import print_json
    from airunner.runtime.checkup import examine

    report = examine(*loaded)
    if as_json:
        print_json(report)
    else:
        _print(report)
    if not report["ok"]:
        raise typer.Exit(EXIT_FAILED)


def _print(report: dict[str, Any]) -> None:
    from rich.padding import Padding

    from airunner.cli.console import out
    from airunner.cli.whole_words import columns
    from airunner.config.byte_size import format_bytes

    console = out()
    version, engine, n_threads = report["version"], report["engine"], report["n_threads"]
    console.print(f"AI Runner {version}, {engine}, {n_threads} CPU threads")
    numbers = ("Budget", "Free", "Total")
    tables = {
        "Settings": columns("", "", ""),
        "Models chosen by `airunner assign`": columns("", ""),
        "Devices": columns("  Device", *numbers, "", right=numbers),
        "Weights on this machine": columns("", ""),
        "Space": columns("", "", ""),
    }
    settings, chosen, devices, weights, space = tables.values()
    for each in report["settings"]:
        style = "dim" if each["origin"] == "default" else None
        name = _NAMES.get(each["name"], each["name"])
        settings.add_row(f"  {name}", each["shown"], each["origin"], style=style)
    for capability, model in report["assigned"].items():
        chosen.add_row(f"  {capability}", model)
    if not report["assigned"]:
        chosen.add_row("  none", "")
    for each in report["devices"]:
        sizes = (each["budget_bytes"], each["free_bytes"], each["total_bytes"])
        about = "; ".join(filter(None, (each["name"], each["note"])))
        devices.add_row(f"  {each['id']}", *map(format_bytes, sizes), about)
    for each in report["weights"]:
        weights.add_row(f"  {each['model']}", format_bytes(each["file_bytes"]))
    if not report["weights"]:
        weights.add_row("  none yet", "")
    for each in report["places"]:
        free, quota = format_bytes(each["free_bytes"]), each["quota_bytes"]
        most = f", at most {format_bytes(quota)} used" if quota else ""
        space.add_row(f"  {each['purpose']}", str(each["path"]), f"{free} free{most}")
    for title, table in tables.items():
        console.print(f"\n{title}", style="bold")
        console.print(table)
    for note in report["notes"]:
        console.print(f"\nNote: {note}")
    title = "Problems" if report["problems"] else "No problem found."
    console.print(f"\n{title}", style="bold")
    for problem in report["problems"]:
        prevents = "This prevents running: " if problem["prevents_running"] else ""
        console.print(Padding(f"{prevents}{problem['what']}", (0, 0, 0, 2), expand=False))
        console.print(Padding(problem["remedy"], (0, 0, 0, 4), expand=False), style="dim")
