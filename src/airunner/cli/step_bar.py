"""A bar on stderr while a picture is drawn, on terminals only."""

from __future__ import annotations

from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from airunner.cli.console import err
from airunner.events import Event, ImageStepped
from airunner.models.spec import short_name


class StepBar:
    """Shows ``ImageStepped``. Appears with a drawing's first step; in a log, nothing does."""

    def __init__(self) -> None:
        self._console = err()
        self._progress: Progress | None = None
        self._drawing = ("", "")

    def show(self, event: Event) -> bool:
        """Take a step's event; any other ends the bar. Whether it was a step."""
        if not isinstance(event, ImageStepped):
            self.close()
            return False
        if self._console.is_terminal:
            self._draw(event)
        return True

    def close(self) -> None:
        """Leave the bar as it is and go on below it."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _draw(self, event: ImageStepped) -> None:
        drawing = (event.model, event.owner)
        if self._progress is None or drawing != self._drawing:
            self.close()
            self._drawing = drawing
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=self._console,
            )
            self._progress.add_task(f"drawing with {short_name(event.model)}", total=event.steps)
            self._progress.start()
        self._progress.update(self._progress.task_ids[0], completed=event.step, total=event.steps)
