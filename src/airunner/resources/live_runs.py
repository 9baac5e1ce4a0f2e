"""What every AI Runner process on this machine has loaded, out of the run logs of live ones.

Owns that reading: the scheduler's inputs replayed give its state, and the workers' own
memory is measured. How a log is written is ``run_log``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airunner.devices.process_memory import device_bytes_of_process, memory_of_process
from airunner.errors import UnusableRecordError
from airunner.resources.run_log import Run, in_form, is_written, read_run, run_files
from airunner.resources.status import ModelStatus
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.roster import Roster
from airunner.scheduling.scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class Holding:
    """What one process holds; ``since_s`` is when it began, as Unix time, if that is known."""

    pid: int
    command: str = ""
    since_s: float | None = None
    models: tuple[str, ...] = ()
    held_bytes: int = 0


def holding_of(folder: Path, pid: int) -> Holding:
    """What a process holds, as far as its log in ``folder`` says."""
    try:
        for path in run_files(folder):
            if not path.stem.endswith(f"-{pid}") or not is_written(path):
                continue
            run = read_run(path)
            models = [m for m in models_of(run, roster_of(run)) if m.held_bytes]
            return Holding(
                pid,
                run.header["command"],
                run.header["began_s"],
                tuple(m.model for m in models),
                sum(m.held_bytes for m in models),
            )
    except (UnusableRecordError, OSError, KeyError, TypeError):
        pass  # of another version, or removed meanwhile: then only the process is known
    return Holding(pid)


def roster_of(run: Run) -> Roster:
    """What its scheduler knows, at the end of the log.

    Raises:
        UnusableRecordError: the log has not its form.
    """
    scheduler = Scheduler(
        [DeviceBudget(**b) for b in run.header["budgets"]], run.header["queue_limit"]
    )
    with in_form(run.path):
        for event, _ in run.steps:
            scheduler.step(event)
    return scheduler.roster


def models_of(run: Run, roster: Roster) -> Iterator[ModelStatus]:
    """Every model that the process has asked for; those that are loaded are measured."""
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
    if pid is None:
        return None
    if device.startswith("cuda"):
        return device_bytes_of_process(pid, "cuda")
    return device_bytes_of_process(pid, "rocm" if device.startswith("rocm") else "cpu")
