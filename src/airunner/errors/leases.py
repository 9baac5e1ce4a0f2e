"""Errors about waiting for a model; ``airunner.errors`` draws the whole tree."""

from __future__ import annotations

from collections.abc import Sequence

from airunner.durations import about_seconds, format_seconds
from airunner.errors.base import AiRunnerError


class LeaseError(AiRunnerError):
    """Base of errors about waiting for a model."""


class LeaseRefusedError(LeaseError):
    """The request was turned away without waiting.

    ``eta_s`` is about when one would be taken, ``None`` if that cannot be known;
    ``deficit_bytes`` how much memory the model lacks now, which others hold.
    """

    def __init__(
        self, model: str, problem: str, *, eta_s: float | None = None, deficit_bytes: int = 0
    ) -> None:
        self.model, self.problem = model, problem
        self.eta_s, self.deficit_bytes = eta_s, deficit_bytes
        later = "" if eta_s is None else f"; try again in about {about_seconds(eta_s)}"
        lack = f", and {deficit_bytes:,} bytes are lacking now" if deficit_bytes else ""
        super().__init__(f"No lease on {model}: {problem}{lack}{later}")


class LeaseEndedError(LeaseError):
    """The lease ``id`` is not held any more."""

    def __init__(self, id: str) -> None:
        self.id = id
        super().__init__(f"The lease {id!r} has ended; ask for another.")


class LeaseTimeoutError(LeaseError):
    """The model did not become available in ``waited_s`` seconds.

    ``holders`` are the models in use that held the memory it needs, ``held_bytes`` of it.
    """

    def __init__(
        self, model: str, waited_s: float, holders: Sequence[str] = (), held_bytes: int = 0
    ) -> None:
        self.model, self.waited_s = model, waited_s
        self.holders, self.held_bytes = tuple(holders), held_bytes
        held = f"{held_bytes:,} bytes of memory are held by {', '.join(holders)}, in use by others"
        super().__init__(
            f"{model} did not become available within {format_seconds(waited_s)}; "
            f"{held if holders else 'other work holds the memory'}. "
            "`airunner ps` shows who has what, `airunner explain` why."
        )


class MemoryHeldError(LeaseError):
    """Another process of the same home folder did not give up the memory in ``waited_s`` seconds.

    ``pid`` is its id, 0 if that is not known, ``command`` what it is, and ``held_bytes`` how
    much it holds, 0 if that is not known.
    """

    def __init__(self, pid: int, waited_s: float, command: str = "", held_bytes: int = 0) -> None:
        self.pid, self.waited_s = pid, waited_s
        self.command, self.held_bytes = command, held_bytes
        who = f"`{command}`" if command else "Another AI Runner process"
        size = f"{held_bytes:,} bytes of memory" if held_bytes else "the memory"
        super().__init__(
            f"{who} (process {pid or 'unknown'}) still holds {size} after "
            f"{format_seconds(waited_s)}. It gives it up once it answers nobody. "
            "Ask again then, or end it."
        )


class LeaseDeadlockError(LeaseError):
    """Waiting could never end: the requester holds what would have to be evicted."""

    def __init__(self, model: str, held: Sequence[str]) -> None:
        self.model, self.held = model, tuple(held)
        super().__init__(
            f"Waiting for {model} could never end, because the memory it needs is held by "
            f"{', '.join(self.held)} for the same work. Close that handle first."
        )
