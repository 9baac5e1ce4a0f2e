"""``airunner explain``: why the last run did what it did.

Owns the timeline made from a run's log: each decision with its bytes and its
reason, and between them what came of it.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from airunner.cli.flags import EXIT_FAILED, AsJson
from airunner.cli.streams import complain
from airunner.config.settings import Settings
from airunner.errors import UnusableRecordError

if TYPE_CHECKING:
    from airunner.resources.run_log import Divergence, Run


def explain(
    settings: Settings,
    last: Annotated[int, typer.Option(min=1, metavar="N", help="the last N runs")] = 1,
    run: Annotated[
        Path | None, typer.Option(metavar="FILE", help="this run's log instead of the last")
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="decide again from the log; exit 1 on a difference")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show why the last run did what it did.

    Each decision with bytes and reason, and what came of it. Runs that decided
    nothing are passed over.
    """
    from airunner.cli.console import out, print_json
    from airunner.resources.run_log import in_form
    from airunner.resources.run_log import replay as decide_again

    runs = [_read(run)] if run else _last_runs(settings, last)
    if not runs:
        complain("no run has decided anything yet; `airunner demo` makes one.")
        raise typer.Exit(EXIT_FAILED)
    differences = [decide_again(each) if replay else None for each in runs]
    if as_json:
        print_json(
            {"runs": [_as_json(r, d, replay) for r, d in zip(runs, differences, strict=True)]}
        )
    else:
        console = out()
        for each, difference in zip(runs, differences, strict=True):
            with in_form(each.path):
                _print(each, console)
            if replay:
                console.print(_verdict(each, difference))
    if any(differences):
        raise typer.Exit(EXIT_FAILED)


def _read(path: Path) -> Run:
    from airunner.resources.run_log import read_run

    try:
        return read_run(path)
    except UnusableRecordError as error:
        raise typer.BadParameter(str(error), param_hint="--run") from None


def _last_runs(settings: Settings, count: int) -> list[Run]:
    """The newest runs with decisions, oldest first."""
    from airunner.resources.run_log import runs_in
    from airunner.runtime.home import runs_folder

    found: list[Run] = []
    for run in runs_in(runs_folder(settings)):
        if any(event["kind"] == "decided" for event in run.events):
            found.append(run)
            if len(found) == count:
                break
    return found[::-1]


def _as_json(run: Run, difference: Divergence | None, replayed: bool) -> dict[str, Any]:
    timeline = [{"after_s": e["at_s"] - run.header["began_s"], **e} for e in run.events]
    entry: dict[str, Any] = {"file": run.path, **run.header, "timeline": timeline}
    if replayed:
        entry["replay"] = {
            "same": difference is None,
            "difference": asdict(difference) if difference else None,
        }
    return entry


def _print(run: Run, console: Any) -> None:
    from airunner.cli.narration import narrate
    from airunner.cli.whole_words import columns
    from airunner.config.byte_size import format_bytes
    from airunner.scheduling.decision_words import decision_line

    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.header["began_s"]))
    budgets = ", ".join(
        f"{b['device']} {format_bytes(b['budget_bytes'])}" for b in run.header["budgets"]
    )
    console.print(f"{run.header.get('command', '')}, {began}, budget: {budgets}", style="bold")
    table = columns("Seconds", "What", right=("Seconds",))
    for event in run.events:
        offset = f"{event['at_s'] - run.header['began_s']:.2f}"
        if event["kind"] == "decided":
            table.add_row(offset, decision_line(event))
        elif line := narrate(event):
            table.add_row(offset, f"  {line}", style="dim")
    console.print(table)


def _verdict(run: Run, difference: Divergence | None) -> str:
    if difference is None:
        return f"Replayed: the same decisions in all {len(list(run.steps))} steps."
    return (
        f"Replayed: step {difference.step} decides otherwise.\n"
        f"  recorded: {difference.recorded}\n  replayed: {difference.replayed}"
    )
