"""``airunner ps``: what every AI Runner process on this machine has loaded.

Owns reading that out of the run logs of live processes: the scheduler's inputs
replayed give its state, and the workers' own memory is measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airunner.cli.flags import AsJson
from airunner.config.settings import Settings

if TYPE_CHECKING:
    from airunner.resources.run_log import Run
    from airunner.resources.status import ModelStatus


def ps(
    settings: Settings,
    as_json: AsJson = False,
) -> None:
    """List the models that are loaded or parked now.

    By every AI Runner process that uses this home folder.
    """
    from airunner.cli.console import print_json
    from airunner.resources.run_log import is_written, read_run, run_files
    from airunner.runtime.home import runs_folder

    written = [path for path in run_files(runs_folder(settings)) if is_written(path)]
    live = [_state_of(read_run(path)) for path in written]
    if as_json:
        print_json(live)
    else:
        _print(live)


def _state_of(run: Run) -> dict[str, Any]:
    """A process and what it holds, ready for JSON."""
    from airunner.resources.status import DeviceStatus
    from airunner.scheduling.ledger import DeviceBudget
    from airunner.scheduling.scheduler import Scheduler

    scheduler = Scheduler(
        [DeviceBudget(**b) for b in run.header["budgets"]], run.header["queue_limit"]
    )
    for event, _ in run.steps:
        scheduler.step(event)
    devices = [
        DeviceStatus(a.device, a.budget_bytes, a.held_bytes, a.lost_bytes)
        for a in scheduler.roster.ledger.accounts.values()
    ]
    return {
        **{name: run.header[name] for name in ("pid", "command", "began_s")},
        "devices": [asdict(device) for device in devices],
        "models": [asdict(model) for model in _models(run, scheduler.roster)],
    }


def _models(run: Run, roster: Any) -> Iterator[ModelStatus]:
    from airunner.devices.process_memory import memory_of_process
    from airunner.resources.status import ModelStatus

    loaded = {e["model"]: e for e in run.events if e["kind"] == "model_loaded"}
    for record in roster.models.values():
        worker = loaded.get(record.key) if record.state.holds_memory else None
        pid = worker["pid"] if worker else None
        if pid is not None and memory_of_process(pid) is None:
            continue  # the process lives on, but has closed its runtime
        charges = roster.ledger.accounts[record.device].charges if record.device else {}
        yield ModelStatus(
            model=record.key,
            state=str(record.state),
            device=record.device,
            held_bytes=charges.get(record.key, 0),
            measured_bytes=_measured_bytes(pid, record.device),
            parked_bytes=record.parked_bytes,
            leases=len(record.leases),
            pinned=record.pinned,
            pid=pid,
            n_ctx=worker["n_ctx"] if worker else None,
        )


def _measured_bytes(pid: int | None, device: str) -> int | None:
    from airunner.devices.process_memory import device_bytes_of_process

    if pid is None:
        return None
    if device.startswith("cuda"):
        return device_bytes_of_process(pid, "cuda")
    return device_bytes_of_process(pid, "rocm" if device.startswith("rocm") else "cpu")


def _print(live: list[dict[str, Any]]) -> None:
    from airunner.cli.console import columns, out
    from airunner.cli.narration import seconds
    from airunner.config.byte_size import format_bytes

    console = out()
    if not live:
        console.print("No AI Runner process has models loaded.")
    for run in live:
        age = seconds(max(0.0, time.time() - run["began_s"]))
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
