"""The log of a run: what the scheduler was told, what it decided, and what came of it.

One file of JSON lines per run, written as things happen, so that `airunner
explain` can show why, and ``replay`` can prove that the same inputs lead to the
same decisions. Text of conversations is not logged.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from airunner.config.regular_file import open_regular, read_regular
from airunner.errors import StorageError, UnusableRecordError
from airunner.errors.system_words import system_words
from airunner.events import (
    CallStreamed,
    Event,
    ExternalCallMade,
    PermissionAsked,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
)
from airunner.scheduling.effects import Effect
from airunner.scheduling.inputs import Input, input_from_json
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.scheduler import Scheduler

KEPT_RUNS = 20
MOST_BYTES = 500_000_000
"""The largest log that is read."""

_PRIVATE = {
    ExternalCallMade: ("arguments",),
    PermissionAsked: ("arguments",),
    ToolCallStarted: ("arguments",),
    ToolCallFinished: ("result",),
    TurnFinished: ("text",),
}
_log = logging.getLogger(__name__)


class RunLog:
    """Writes one run. A full disk ends the log with a warning, never the run.

    The file appears with the first record: a process that loads nothing leaves none. It is
    locked while it is written, so that others see that the run goes on.
    """

    def __init__(
        self, folder: Path, budgets: Sequence[DeviceBudget], queue_limit: int, command: str
    ) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        self._path = folder / f"{stamp}-{os.getpid()}.ndjson"
        self._header = {
            "run": {
                "began_s": time.time(),
                "pid": os.getpid(),
                "command": command,
                "queue_limit": queue_limit,
                "budgets": [asdict(b) for b in budgets],
            }
        }
        self._file: TextIO | None = None
        self._ended = False

    def record_step(self, event: Input, effects: Sequence[Effect]) -> None:
        """Log one scheduler step."""
        self._write({"step": event.as_json(), "effects": [e.as_json() for e in effects]})

    def record_event(self, event: Event) -> None:
        """Log what happened, without anything that was said."""
        if isinstance(event, TextStreamed | CallStreamed):
            return
        record = event.as_json()
        for name in _PRIVATE.get(type(event), ()):
            record.pop(name)
        self._write({"event": record})

    def close(self) -> None:
        """Finish the file."""
        self._ended = True
        file, self._file = self._file, None
        if file is not None:
            # Closing writes what is left, and a full disk refuses that as well.
            with suppress(OSError):
                file.close()

    def _write(self, record: Mapping[str, Any]) -> None:
        if self._ended:
            return
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                _forget_old_runs(self._path.parent)
                self._file = self._path.open("a", encoding="utf-8", buffering=1)
                with suppress(OSError):  # not on every file system
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._file.write(json.dumps(self._header) + "\n")
            self._file.write(json.dumps(record) + "\n")
        except OSError as error:
            problem = StorageError(self._path, system_words(error))
            _log.warning("The run is no longer logged. %s", problem)
            self.close()


@dataclass(frozen=True, slots=True)
class Run:
    """A run read back from its file."""

    path: Path
    header: Mapping[str, Any]
    records: tuple[Mapping[str, Any], ...]

    @property
    def events(self) -> Iterator[Mapping[str, Any]]:
        """What happened, in order."""
        return (r["event"] for r in self.records if "event" in r)

    @property
    def steps(self) -> Iterator[tuple[Input, list[Mapping[str, Any]]]]:
        """Every scheduler step: the input, and the effects as JSON values.

        Raises:
            UnusableRecordError: one of them has not its form.
        """
        for number, record in enumerate(self.records, start=2):
            if "step" not in record:
                continue
            try:
                yield input_from_json(record["step"]), record["effects"]
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                problem = f"line {number} of {self.path}: {error!r}"
                raise UnusableRecordError("log of a run", problem) from None


def read_run(path: Path) -> Run:
    """A run from its file; a line cut off by a crash is left out.

    Raises:
        UnusableRecordError: it cannot be read, or is no log of a run, or has not begun.
    """
    lines: list[Mapping[str, Any]] = []
    try:
        for line in read_regular(path, MOST_BYTES).decode("utf-8").splitlines():
            try:
                lines.append(json.loads(line))
            except json.JSONDecodeError:
                break
    except (OSError, ValueError, RecursionError) as error:
        raise UnusableRecordError("log of a run", f"{path}: {system_words(error)}") from None
    with in_form(path):
        header = lines[0]["run"]
        _check_header(header)
        for record in lines[1:]:
            if (event := record.get("event")) is not None:
                _check_event(event)
    return Run(path, header, tuple(lines[1:]))


@contextmanager
def in_form(path: Path) -> Iterator[None]:
    """Have whatever the body stumbles over in the log at ``path`` raised as ours.

    Raises:
        UnusableRecordError: the log has not its form.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        problem = f"{path} is not the log of a run, or is damaged: {error!r}"
        raise UnusableRecordError("log of a run", problem) from None


def _check_header(header: Any) -> None:
    _check_moment(header["began_s"])
    [DeviceBudget(**each) for each in header["budgets"]]
    if not (isinstance(header["command"], str) and type(header["pid"]) is int):
        raise ValueError("command and pid")
    if type(header["queue_limit"]) is not int:
        raise ValueError("queue_limit")


def _check_event(event: Any) -> None:
    if not isinstance(event["kind"], str):
        raise ValueError("kind")
    _check_moment(event["at_s"])


def _check_moment(value: Any) -> None:
    if value < 0:
        raise ValueError("a moment")
    time.localtime(value)


def run_files(folder: Path) -> list[Path]:
    """The logs in a folder, newest first; what is gone by now is left out."""
    found = []
    for path in folder.glob("*.ndjson"):
        with suppress(OSError):
            found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found, reverse=True)]


def runs_in(folder: Path, *, living: bool = False) -> Iterator[Run]:
    """The runs in a folder, newest first; with ``living`` those whose processes are there.

    A log that cannot be used, or has not begun, is passed over.
    """
    for path in run_files(folder):
        if living and not is_written(path):
            continue
        try:
            run = read_run(path)
        except UnusableRecordError as error:
            _log.info("%s", error)
        else:
            yield run


def is_written(path: Path) -> bool:
    """Whether the run of this log goes on: its process lives, whatever the clock says."""
    try:
        with open_regular(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


@dataclass(frozen=True, slots=True)
class Divergence:
    """A step at which a replay decided otherwise than the recording."""

    step: int
    recorded: list[Mapping[str, Any]]
    replayed: list[Mapping[str, Any]]


def replay(run: Run) -> Divergence | None:
    """Feed a run's inputs to a fresh scheduler; the first difference, or ``None``."""
    budgets = [DeviceBudget(**b) for b in run.header["budgets"]]
    scheduler = Scheduler(budgets, queue_limit=run.header["queue_limit"])
    with in_form(run.path):
        for number, (event, recorded) in enumerate(run.steps):
            # Through JSON, as the recording went: tuples come back as lists.
            replayed = json.loads(json.dumps([e.as_json() for e in scheduler.step(event)]))
            if replayed != recorded:
                return Divergence(number, recorded, replayed)
    return None


def _forget_old_runs(folder: Path) -> None:
    for path in run_files(folder)[KEPT_RUNS - 1 :]:
        if not is_written(path):
            with suppress(OSError):  # a folder of that name
                path.unlink()
