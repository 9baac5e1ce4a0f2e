"""On whose behalf models are used: a turn, a tool call, or plain calling code.

Owns the context variable that carries the owner from the agent loop into tool
bodies, whatever thread they run on, and closes what a tool left open.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4


class Closable(Protocol):
    """Something that holds a lease until it is closed; closing twice is harmless."""

    def close(self) -> None:
        """Give back what is held."""
        ...


@dataclass(slots=True)
class Scope:
    """One piece of work. Leases taken inside carry ``owner``.

    ``handles`` are closed when the scope is left, so a tool that returns (or
    raises) never keeps a specialised model in memory.
    """

    owner: str
    handles: list[Closable] = field(default_factory=list)


_current: ContextVar[Scope | None] = ContextVar("airunner_scope", default=None)


def current_scope() -> Scope | None:
    """The scope this code runs in, or ``None`` outside any."""
    return _current.get()


def current_owner(kind: str = "call") -> str:
    """Who this code takes leases for: its scope's owner, outside any a new one of ``kind``."""
    scope = current_scope()
    return scope.owner if scope is not None else f"{kind}-{uuid4().hex[:8]}"


@contextmanager
def enter_scope(owner: str) -> Iterator[Scope]:
    """Run the body on behalf of ``owner`` and close every handle it leaves open."""
    scope = Scope(owner)
    token = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(token)
        for handle in reversed(list(scope.handles)):
            handle.close()
