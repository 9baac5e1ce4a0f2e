"""Bars on stderr while weights arrive and while a picture is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from airunner.cli.console import err
from airunner.events import DownloadChanged, DownloadProgressed, Event, ImageStepped
from airunner.models.spec import short_name


class ProgressBars:
    """Shows ``DownloadProgressed``, a line per model and step, and ``ImageStepped``.

    Bars appear with the first such event and end with any other, or with one of the
    other kind. Steps of a drawing are shown on terminals only: in a log, nothing is.
    """

    def __init__(self) -> None:
        self._console = err()
        self._progress: Progress | None = None
        self._kind: type[Event] | None = None
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def shows(self, event: Event) -> bool:
        """Whether ``show`` will draw this event."""
        if isinstance(event, ImageStepped):
            return self._console.is_terminal
        return isinstance(event, DownloadProgressed)

    def show(self, event: Event) -> bool:
        """Draw an event of progress; any other ends the bars. Whether it was one."""
        match event:
            case DownloadProgressed():
                label = f"{event.step} {short_name(event.model)}"
                done, total = event.done_bytes, event.total_bytes
                self._draw(event, (event.model, event.step), label, done, total)
            case ImageStepped():
                if self._console.is_terminal:
                    drawing = (event.model, event.owner)
                    if drawing not in self._tasks:
                        self.close()
                    label = f"drawing with {short_name(event.model)}"
                    self._draw(event, drawing, label, event.step, event.steps)
            case DownloadChanged():
                pass  # others may go on
            case _:
                self.close()
                return False
        return True

    def close(self) -> None:
        """Leave the bars as they are and go on below them."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
            self._tasks.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _draw(
        self, event: Event, key: tuple[str, str], label: str, done: int, total: int | None
    ) -> None:
        if self._kind is not type(event):
            self.close()
            self._kind = type(event)
        if self._progress is None:
            columns = _columns(event)
            self._progress = Progress(
                TextColumn("{task.description}"), *columns, console=self._console
            )
            self._progress.start()
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(label, total=total)
        self._progress.update(self._tasks[key], completed=done, total=total)


def _columns(event: Event) -> Sequence[ProgressColumn]:
    if isinstance(event, ImageStepped):
        return BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn()
    speed, left = TransferSpeedColumn(), TimeRemainingColumn(compact=True)
    return BarColumn(bar_width=10), DownloadColumn(), speed, left
