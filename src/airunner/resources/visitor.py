"""For whom models and tools are used, and what they may do.

Owns the rights of a visitor, and carrying them from the server's door to whatever works
for the request, on the same task or on one that it starts. A program that uses the team
itself is no visitor, and may do everything. Which key has which rights is the server's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fnmatch import fnmatchcase

ANYTHING = ("*",)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a request comes from.

    Attributes:
        name: that of its key, empty without one.
        models: patterns (``*``, ``?``) of the models it may use, by any name they go by.
        tools: patterns of the tools it may call.
        priority: leases of a higher one are granted first; 0 is usual.
        manages: whether what belongs to the server's owner is theirs too: conversations,
            settings, what is loaded and what is on the disk.
    """

    name: str = ""
    models: tuple[str, ...] = ANYTHING
    tools: tuple[str, ...] = ANYTHING
    priority: int = 0
    manages: bool = True

    def may_use(self, *names: str) -> bool:
        """Whether a model may be used that goes by all of ``names``."""
        return any(fnmatchcase(n.lower(), p.lower()) for n in names for p in self.models)

    def may_call(self, tool: str) -> bool:
        """Whether a tool may be called."""
        return any(fnmatchcase(tool, pattern) for pattern in self.tools)


_current: ContextVar[Visitor | None] = ContextVar("airunner_visitor", default=None)


def current_visitor() -> Visitor:
    """The visitor whose request this code serves; outside any, one who may do everything."""
    return _current.get() or Visitor()


@contextmanager
def serving(visitor: Visitor) -> Iterator[None]:
    """Serve ``visitor`` in the body."""
    token = _current.set(visitor)
    try:
        yield
    finally:
        _current.reset(token)
