"""How a turn went, for people: what took how long, who helped, how it ended.

Owns what is kept of a turn's events once it is over. The messages themselves are the
conversation's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from airunner.events import (
    Decided,
    Event,
    GenerationFinished,
    HistoryTrimmed,
    PictureSaved,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
    TurnStarted,
)
from airunner.events.trimmed_words import trimmed_in_words

Ending = Literal[
    "", "answered", "tool_calls", "step_limit", "cancelled", "failed", "server_stopped"
]
SpecialistsOf = Callable[[str], Collection[str]]
"""The models that a tool may use, by its name."""


@dataclass(slots=True)
class DrawnPicture:
    """A picture of the pictures folder, with what it was drawn with."""

    name: str
    model: str
    settings: dict[str, str]


@dataclass(slots=True)
class CallAccount:
    """How a tool's call went; ``models`` are the specialists that it had."""

    seconds: float = 0.0
    problem: str = ""
    models: list[str] = field(default_factory=list)
    pictures: list[DrawnPicture] = field(default_factory=list)


@dataclass(slots=True)
class TurnAccount:
    """A whole turn; ``outcome`` is empty while it runs, and where the server died in it.

    Attributes:
        thought_s: how long the model thought, for each answer that began with thoughts.
        cut_off: the answer ended where the most tokens or the context did.
        tokens: those of the answer, over all generations, and ``decode_s`` their time.
        cached_tokens, prompt_tokens: of the last prompt.
        left_out: what was not read because it did not fit the context, in words; empty for
            nothing.
    """

    model: str = ""
    outcome: Ending = ""
    problem: str = ""
    cut_off: bool = False
    total_s: float = 0.0
    tokens: int = 0
    decode_s: float = 0.0
    cached_tokens: int = 0
    prompt_tokens: int = 0
    left_out: str = ""
    thought_s: list[float] = field(default_factory=list)
    calls: dict[str, CallAccount] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values, which ``native_form.read`` reads back."""
        return asdict(self)


class TurnAccountant:
    """Keeps the account of a conversation's next turn from the events of the bus.

    Those of others are among them: a conversation has one turn at a time.
    """

    def __init__(self, conversation: str, specialists_of: SpecialistsOf) -> None:
        self.account = TurnAccount()
        self._conversation = conversation
        self._specialists_of = specialists_of
        self._turn = ""
        self._thinking_since: float | None = None
        self._call: CallAccount | None = None
        self._may_use: Collection[str] = ()

    def take(self, event: Event) -> TurnFinished | None:
        """Add an event; the last one of the turn, if it is that."""
        match event:
            case TurnStarted() if event.conversation == self._conversation:
                self._turn, self.account.model = event.turn, event.model
            case Decided(action="grant") if self._call and event.model in self._may_use:
                if event.model not in self._call.models:
                    self._call.models.append(event.model)
            case PictureSaved() if self._call and event.owner == self._turn:
                name = event.path.replace("\\", "/").rpartition("/")[2]
                self._call.pictures.append(DrawnPicture(name, event.model, dict(event.settings)))
            case _ if self._turn and getattr(event, "turn", "") == self._turn:
                return self._take_own(event)
        return None

    def _take_own(self, event: Event) -> TurnFinished | None:
        account = self.account
        match event:
            case TextStreamed(reasoning=True):
                if self._thinking_since is None:
                    self._thinking_since = event.at_s
            case TextStreamed():
                self._end_thought(event)
            case ToolCallStarted():
                self._end_thought(event)
                self._call = account.calls.setdefault(event.call, CallAccount())
                self._may_use = self._specialists_of(event.tool)
            case ToolCallFinished():
                call = account.calls.setdefault(event.call, CallAccount())
                call.seconds, call.problem = event.seconds, event.problem
                self._call = None
            case GenerationFinished():
                self._end_thought(event)
                account.model = event.model
                account.tokens += event.completion_tokens
                account.decode_s += event.decode_s
                account.cached_tokens = event.cached_tokens
                account.prompt_tokens = event.prompt_tokens
            case HistoryTrimmed():
                account.left_out = trimmed_in_words(event)
            case TurnFinished():
                account.outcome, account.problem = _ending(event.outcome), event.problem
                account.total_s, account.cut_off = event.total_s, event.cut_off
                return event
            case _:
                pass
        return None

    def _end_thought(self, event: Event) -> None:
        if self._thinking_since is not None:
            self.account.thought_s.append(max(0.0, event.at_s - self._thinking_since))
            self._thinking_since = None


def _ending(outcome: str) -> Ending:
    known: dict[str, Ending] = {
        "answered": "answered",
        "tool_calls": "tool_calls",
        "step_limit": "step_limit",
        "cancelled": "cancelled",
    }
    return known.get(outcome, "failed")
