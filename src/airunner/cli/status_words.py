"""What a team of models is doing right now, in a few words for one line.

Owns the words. What is told for good is ``narration``'s.
"""

from __future__ import annotations

from airunner.cli.safe_text import printable
from airunner.events import (
    Decided,
    Event,
    MemoryAwaited,
    ModelLoaded,
    ModelRestored,
    SlotAwaited,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    ToolProgressed,
    TurnFinished,
    TurnStarted,
    TurnWait,
)
from airunner.models.spec import short_name
from airunner.resources.waiting_words import memory_holder_in_words, wait_in_words


class StatusWords:
    """The words of one turn, from one event to the next."""

    def __init__(self) -> None:
        self._wait = TurnWait()

    def take(self, event: Event) -> str | None:
        """What happens from ``event`` on; empty for nothing, ``None`` if it changes nothing."""
        is_awaited = self._wait.take(event)
        match event:
            case TurnStarted() | ToolCallFinished() | TextStreamed(reasoning=True):
                return "thinking"
            case TextStreamed() | TurnFinished():
                return ""
            case ToolCallStarted():
                return event.tool
            case ToolProgressed():
                return f"{event.tool}: {printable(event.text)}"
        return _told(event) if is_awaited else None


def _told(event: Event) -> str | None:
    match event:
        case Decided(action="start_load"):
            return f"loading {short_name(event.model)}"
        case Decided(action="park" | "stop"):
            return f"swapping: {short_name(event.model)} makes room"
        case ModelLoaded() | ModelRestored() | SlotAwaited(ahead=0):
            return f"reading, with {short_name(event.model)}"
        case SlotAwaited():
            return wait_in_words(short_name(event.model), event.ahead, event.wait_s)
        case MemoryAwaited():
            return memory_holder_in_words(event.as_json())
    return None
