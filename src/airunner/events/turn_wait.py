"""What one turn waits for, among what everybody is told about models.

Owns which of those events are about the turn. What is said of them is the terminal's and the
page's, each in its own words.
"""

from __future__ import annotations

from airunner.events.event import Event
from airunner.events.model_events import (
    BeginningRestored,
    CacheProven,
    Decided,
    ModelLoaded,
    ModelLoadFailed,
    ModelParked,
    ModelRestored,
    SlotAwaited,
)
from airunner.events.turn_events import (
    GenerationFinished,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
    TurnStarted,
)


class TurnWait:
    """A turn, from one event to the next. What has no beginning, as a task, waits for all.

    ``in_call`` says that a tool runs, which may ask any model.
    """

    def __init__(self) -> None:
        self.in_call = False
        self._model, self._waits, self._is_in_memory = "", True, False

    def take(self, event: Event) -> bool:
        """Whether the turn waits and, if ``event`` is about a model, for that."""
        match event:
            case TurnStarted():
                self._model, self._waits = event.model, True
                self.in_call = self._is_in_memory = False
            case TextStreamed() | GenerationFinished():
                self._waits = False
            case TurnFinished():
                self._model, self._waits = "", False
            case ToolCallStarted() | ToolCallFinished():
                self._waits, self.in_call = True, isinstance(event, ToolCallStarted)
                self._is_in_memory = False  # a specialist may have had its room
            case Decided(action="park" | "stop") | ModelParked():
                if self._is_another_s(event.model):  # which makes room, as long as it has to
                    return self._waits and not self._is_in_memory
                self._is_in_memory = False
            case Decided(action="start_load") if self._model == event.model:
                self._waits = True  # also behind a tool's result, which is told without the model
            case Decided() | BeginningRestored() | CacheProven() | ModelLoadFailed():
                return self._waits and not self._is_another_s(event.model)
            case ModelLoaded() | ModelRestored() | SlotAwaited():
                if self._is_another_s(event.model):
                    return False
                self._is_in_memory = True
            case _:
                pass
        return self._waits

    def _is_another_s(self, model: str) -> bool:
        return bool(self._model) and not self.in_call and model != self._model
