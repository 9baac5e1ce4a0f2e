"""``airunner ps``: what every AI Runner process on this machine has loaded.

Owns the words and the table; what is read out of the run logs is ``live_runs``'.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airunner.cli.flags import AsJson
from airunner.config.settings import Settings

if TYPE_CHECKING:
    from airunner.resources.run_log import Run


def ps(
    settings: Settings,
    as_json: AsJson = False,
) -> None:
    """List the models that are loaded or parked now.

    By every AI Runner process that uses this home folder.
    """
    from airunner.cli.console import print_json
    from airunner.resources.run_log import in_form, runs_in
    from airunner.runtime.home import runs_folder

    live = []
    for run in runs_in(runs_folder(settings), living=True):
        with in_form(run.path):
            live.append(_state_of(run))
    if as_json:
        print_json({"processes": live})
    else:
        _print(live)


def _state_of(run: Run) -> dict[str, Any]:
    """A process and what it holds, ready for JSON."""
    from airunner.resources.live_runs import models_of, roster_of
    from airunner.resources.status import DeviceStatus

    roster = roster_of(run)
    devices = [
        DeviceStatus(a.device, a.budget_bytes, a.held_bytes, a.lost_bytes)
        for a in roster.ledger.accounts.values()
    ]
    return {
        **{name: run.header[name] for name in ("pid", "command", "began_s")},
        "devices": [asdict(device) for device in devices],
        "models": [asdict(model) for model in models_of(run, roster)],
    }


def _print(live: list[dict[str, Any]]) -> None:
    from airunner.cli.console import out
    from airunner.cli.whole_words import columns
    from airunner.config.byte_size import format_bytes
    from airunner.durations import format_seconds

    console = out()
    if not live:
        console.print("No AI Runner process has models loaded.")
    for run in live:
        age = format_seconds(max(0.0, time.time() - run["began_s"]))
        console.print(f"{run['command']}, process {run['pid']}, for {age}", style="bold")
        for device in run["devices"]:
            held, budget = map(format_bytes, (device["held_bytes"], device["budget_bytes"]))
            console.print(f"  {device['device']}: {held} of {budget} in use")
        table = columns("  Model", "State", "Charged", "Measured", "Parked", right=("Charged",))
        for model in run["models"]:
            where = f" on {model['device']}" if model["pid"] else ""
            pinned = ", pinned" if model["pinned"] else ""
            table.add_row(
                f"  {model['model']}",
                f"{model['state']}{where}{pinned}",
                format_bytes(model["held_bytes"]) if model["held_bytes"] else "-",
                format_bytes(model["measured_bytes"]) if model["pid"] else "-",
                format_bytes(model["parked_bytes"]) if model["parked_bytes"] else "-",
            )
        console.print(table)
