"""Events about what is remembered."""

from __future__ import annotations

from dataclasses import dataclass

from airunner.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSwitched(Event):
    """A tool moved the talk: the next turn belongs to conversation ``to``."""

    turn: str
    conversation: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderDue(Event):
    """A reminder was due at ``due_s`` (Unix time) and is delivered with this, once."""

    number: int
    text: str
    due_s: float
