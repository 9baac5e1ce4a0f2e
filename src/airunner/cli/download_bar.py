"""A bar on stderr while weights arrive."""

from __future__ import annotations

from typing import Self

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from airunner.cli.console import err
from airunner.events import DownloadProgressed, Event
from airunner.models.spec import short_name


class DownloadBar:
    """Shows ``DownloadProgressed``, a line per model and step. Appears with the first one."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def show(self, event: Event) -> bool:
        """Draw a download's event; any other ends the bar. Whether it was drawn."""
        if not isinstance(event, DownloadProgressed):
            self.close()
            return False
        progress = self._started()
        key = (event.model, event.step)
        if key not in self._tasks:
            label = f"{event.step} {short_name(event.model)}"
            self._tasks[key] = progress.add_task(label, total=event.total_bytes)
        progress.update(self._tasks[key], completed=event.done_bytes, total=event.total_bytes)
        return True

    def close(self) -> None:
        """Leave the bar as it is and go on below it."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
            self._tasks.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _started(self) -> Progress:
        if self._progress is None:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=10),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(compact=True),
                console=err(),
            )
            self._progress.start()
        return self._progress
