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
        "default: the roomiest GPU, or RAM where there is none, less a share for other programs",
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
    from airunner.models.noncommercial import noncommercial_words

    with surveyed(settings) as known:
        assignment = known.plan(max_vram)
        licences = noncommercial_words(known.catalog.spec(name) for name in assignment.models)
    if as_json:
        print_json({**asdict(assignment), "peak_bytes": assignment.peak_bytes})
    else:
        _print(assignment, licences, why=why)


def _print(assignment: Assignment, licences: str, *, why: bool) -> None:
    from airunner.cli.console import out
    from airunner.cli.whole_words import columns
    from airunner.config.byte_size import format_bytes
    from airunner.models.fitting import when_free
    from airunner.models.spec import short_name

    console = out()
    budget = format_bytes(assignment.budget_bytes)
    images = format_bytes(assignment.image_budget_bytes)
    for_images = f" (image models {images})" if images != budget else ""
    console.print(
        f"Models that each fit {budget}{for_images}; they take turns, "
        f"{format_bytes(assignment.peak_bytes)} at most."
    )
    if assignment.assumed:
        console.print(f"That is {assignment.assumed}; --max-vram plans for another size.")
    console.print()
    paces = [choice.pace.short for choice in assignment.choices]
    named = short_name if console.width < _WIDE + max(len(pace) + 2 for pace in paces) else str
    headers = ["Capability", "Model", "Memory", *(["Speed here"] if any(paces) else [])]
    table = columns(*headers, right=("Memory",))
    for choice, pace in zip(assignment.choices, paces, strict=True):
        table.add_row(
            choice.capability.value,
            named(choice.model) if choice.model else "-",
            format_bytes(choice.size_bytes) if choice.model else "-",
            *([pace] if any(paces) else []),
        )
    console.print(table)
    waiting = {c.model: c.free_needed_bytes for c in assignment.choices if c.free_needed_bytes}
    for model, needed in waiting.items():
        console.print(f"\n{short_name(str(model))} {when_free(needed)}; less is free now.")
    if licences:
        console.print(f"\n{licences}")
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
