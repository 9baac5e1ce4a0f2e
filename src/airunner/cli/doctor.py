"""``airunner doctor``: is everything in order, and if not, what to do.

Owns how the report is shown; ``checkup`` makes it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from airunner.cli.flags import EXIT_FAILED
from airunner.config.settings import Settings

if TYPE_CHECKING:
    from airunner.cli.checkup import Report


def doctor(
    settings: Settings,
    as_json: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
) -> None:
    """Check settings, devices, weights and space.

    Shows each setting with its origin, and what to do about each problem.
    Exits 1 if something prevents running.
    """
    from airunner.cli.checkup import examine
    from airunner.cli.console import print_json

    report = examine(settings)
    if as_json:
        print_json({"ok": report.ok, **asdict(report)})
    else:
        _print(report)
    if not report.ok:
        raise typer.Exit(EXIT_FAILED)


def _print(report: Report) -> None:
    from rich.padding import Padding

    from airunner.cli.console import columns, out
    from airunner.config.byte_size import format_bytes

    console = out()

    def section(title: str) -> None:
        console.print(f"\n{title}", style="bold")

    console.print(f"AI Runner {report.version}, {report.engine}, {report.n_threads} CPU threads")
    section("Settings")
    table = columns("", "", "")
    for setting in report.settings:
        table.add_row(
            f"  {setting.name}",
            setting.shown,
            setting.origin,
            style="dim" if setting.origin == "default" else None,
        )
    console.print(table)
    section("Devices")
    numbers = ("Budget", "Free", "Total")
    table = columns("  Device", *numbers, "", right=numbers)
    for device in report.devices:
        sizes = (device.budget_bytes, device.free_bytes, device.total_bytes)
        about = f"{device.name}; {device.note}" if device.note else device.name
        table.add_row(f"  {device.id}", *map(format_bytes, sizes), about)
    console.print(table)
    section("Weights on this machine")
    table = columns("", "")
    for weight in report.weights:
        table.add_row(f"  {weight.model}", format_bytes(weight.file_bytes))
    if not report.weights:
        table.add_row("  none yet", "")
    console.print(table)
    section("Space")
    table = columns("", "", "")
    for place in report.places:
        free = format_bytes(place.free_bytes)
        quota = f", at most {format_bytes(place.quota_bytes)} used" if place.quota_bytes else ""
        table.add_row(f"  {place.purpose}", str(place.path), f"{free} free{quota}")
    console.print(table)
    for note in report.notes:
        console.print(f"\nNote: {note}")
    section("Problems" if report.problems else "No problem found.")
    for problem in report.problems:
        prevents = "This prevents running: " if problem.prevents_running else ""
        console.print(Padding(f"{prevents}{problem.what}", (0, 0, 0, 2)))
        console.print(Padding(problem.remedy, (0, 0, 0, 4)), style="dim")
