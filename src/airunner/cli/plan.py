"""``airunner plan``: which models would be chosen for an amount of memory, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from airunner.cli.flags import AsJson
from airunner.config.settings import Settings

if TYPE_CHECKING:
    from airunner.models.assign import Assignment


_WIDE = 76
"""Columns of a terminal in which the names' publishers have room."""


def _vram(text: str) -> int:
    from airunner.config.byte_size import size_bytes

    try:
        return size_bytes(text)
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None


MaxVram = Annotated[
    int | None,
    typer.Option(
        parser=_vram,
        metavar="SIZE",
        help="memory to plan for: 8 (GB), 8GB, 7.5GiB; "
        "default: what the roomiest GPU offers now, or RAM where there is none",
    ),
]


def plan(
    settings: Settings,
    max_vram: MaxVram = None,
    why: Annotated[bool, typer.Option("--why", help="why each, and what was passed over")] = False,
    as_json: AsJson = False,
) -> None:
    """Show which models suit an amount of memory.

    For each capability the best one that fits; --why tells what was passed over.
    Models take turns in memory, so each must fit alone. Where there is no GPU, a smaller
    model is preferred to one that would be slow. Nothing is changed;
    `airunner models pull --team` fetches the same models.
    """
    from airunner.cli.console import print_json
    from airunner.cli.team import surveyed

    with surveyed(settings) as known:
        assignment = known.plan(max_vram)
    if as_json:
        print_json({**asdict(assignment), "peak_bytes": assignment.peak_bytes})
    else:
        _print(assignment, why=why)


def _print(assignment: Assignment, *, why: bool) -> None:
    from airunner.cli.console import out
    from airunner.cli.whole_words import columns
    from airunner.config.byte_size import format_bytes
    from airunner.models.spec import short_name
    from airunner.models.speed import speed_in_words

    console = out()
    budget = format_bytes(assignment.budget_bytes)
    images = format_bytes(assignment.image_budget_bytes)
    for_images = f" (image models {images})" if images != budget else ""
    console.print(
        f"Models that each fit {budget}{for_images}; they take turns, "
        f"{format_bytes(assignment.peak_bytes)} at most.\n"
    )
    named = short_name if console.width < _WIDE else str
    speeds = {c.model: c.words_per_minute for c in assignment.choices if c.words_per_minute}
    headers = ["Capability", "Model", "Memory", *(["Speed on this CPU"] if speeds else [])]
    table = columns(*headers, right=("Memory",))
    for choice in assignment.choices:
        table.add_row(
            choice.capability.value,
            named(choice.model) if choice.model else "-",
            format_bytes(choice.size_bytes) if choice.model else "-",
            *([speed_in_words(speeds[choice.model])] if choice.model in speeds else []),
        )
    console.print(table)
    if not why:
        console.print("\n`airunner plan --why` tells why, and what was passed over.", style="dim")
        return
    for choice in assignment.choices:
        console.print(f"\n{choice.capability.value}", style="bold")
        reasons = columns("", "")
        reasons.add_row("  chosen" if choice.model else "  nobody", choice.reason)
        if others := choice.fitting[1:]:
            reasons.add_row("  would fit", f"{', '.join(others)}; preferred less")
        for other in choice.rejected:
            if other.deficit_bytes != 0:
                reasons.add_row("  not", f"{other.model}: {other.reason}")
        console.print(reasons)
