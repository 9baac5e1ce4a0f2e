"""What is known of a KV state in a file, in this process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

TierName = Literal["memory", "disk"]


@dataclass(frozen=True, slots=True)
class SavedState:
    """A KV state in a file. Whether it still fits, the engine checks.

    ``name`` tells states of one kind and model apart. ``continued`` is false for a
    conversation of one answer that nobody has come back to, such as the request for a title.
    """

    model: str
    name: str
    path: Path
    tier: TierName
    n_bytes: int
    tokens: int
    continued: bool = True


class ParkedState(SavedState):
    """A conversation's state; its name is the conversation's."""

    __slots__ = ()


class KeptBeginning(SavedState):
    """A common beginning's state; its name is a digest of what it is made of."""

    __slots__ = ()


StateT = TypeVar("StateT", bound=SavedState)
