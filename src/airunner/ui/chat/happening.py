"""What happens while an answer is awaited, in one quiet line.

Owns the words; which events are about this turn's wait, ``TurnWait`` says.
"""

from __future__ import annotations

from airunner.config.byte_size import format_bytes
from airunner.events import (
    BeginningRestored,
    CacheProven,
    Decided,
    DownloadProgressed,
    Event,
    GenerationFinished,
    HistoryTrimmed,
    ImageStepped,
    MemoryAwaited,
    ModelLoaded,
    ModelLoadFailed,
    ModelParked,
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
from airunner.events.trimmed_words import trimmed_in_words
from airunner.models.spec import short_name
from airunner.resources.waiting_words import memory_holder_in_words, wait_in_words
from airunner.ui.page_words import page_words

READING = "reading the conversation…"


class Happening:
    """The line, from one event to the next; empty while there is something better to see."""

    def __init__(self) -> None:
        self.line = ""
        self._wait = TurnWait()

    def take(self, event: Event) -> str:
        """The line after an event."""
        is_awaited = self._wait.take(event)
        match event:
            case TurnStarted() | TextStreamed() | GenerationFinished() | TurnFinished():
                self.line = ""
            case ToolCallStarted() | ToolProgressed() | ImageStepped():
                self.line = ""  # the call's own card says how far it is
            case ToolCallFinished():
                self.line = READING
            case HistoryTrimmed():
                self.line = trimmed_in_words(event)
            case _ if is_awaited:
                told = _told(event)
                if self._wait.in_call:  # nobody reads the conversation: a specialist is asked
                    told = told.removesuffix(READING).removesuffix("; ")
                self.line = told or self.line
        return self.line


def _told(event: Event) -> str:
    match event:
        case MemoryAwaited():
            until = "; it goes on by itself when that one answers nobody" if event.holder else ""
            return page_words(f"{memory_holder_in_words(event.as_json())}{until}…")
        case Decided(action="grant") | CacheProven():
            return READING
        case SlotAwaited():
            words = wait_in_words(short_name(event.model), event.ahead, event.wait_s)
            return f"{words}…" if event.ahead else f"{words}; {READING}"
        case DownloadProgressed():
            share = f" {100 * event.done_bytes // event.total_bytes} %" if event.total_bytes else ""
            return f"fetching {short_name(event.model)}{share}…"
        case Decided(action="start_load"):
            size = f" ({format_bytes(event.needed_bytes)})" if event.needed_bytes else ""
            return f"loading {short_name(event.model)}{size}…"
        case Decided(action="park"):
            return f"parking the conversations of {short_name(event.model)}…"
        case Decided(action="stop"):
            return f"making room: {short_name(event.model)} leaves memory…"
        case Decided(action="hold"):
            return f"waiting for {short_name(event.model)}: {event.reason}"
        case Decided(action="restore"):
            return f"putting back what {short_name(event.model)} knew…"
        case ModelParked():
            return f"parked {event.tokens:,} tokens of {short_name(event.model)}"
        case ModelRestored() | BeginningRestored():
            return f"{short_name(event.model)} is back with {event.tokens:,} tokens; {READING}"
        case ModelLoaded():
            return f"{short_name(event.model)} is in memory; {READING}"
        case ModelLoadFailed():
            again = ", once more…" if event.will_retry else ""
            return f"{short_name(event.model)} did not load: {page_words(event.problem)}{again}"
        case _:
            return ""
