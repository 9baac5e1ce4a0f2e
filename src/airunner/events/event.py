"""What every event has in common."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any, dataclass_transform


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Event:
    """Base of all events: a subclass is a frozen dataclass by itself. ``at_s`` is Unix time.

    Comparing and showing are the same for all: generated for each kind, they would take a tenth
    of the time in which a short command starts.
    """

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True, eq=False, repr=False)(cls)

    at_s: float = field(default_factory=time.time)

    def __eq__(self, other: object) -> bool:
        """Whether it is the same kind of event, with the same values."""
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).items()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"

    @property
    def kind(self) -> str:
        """The event's name in JSON: the class name in snake case."""
        return self.kind_name()

    @classmethod
    @cache
    def kind_name(cls) -> str:
        """The ``kind`` of this class's events."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")

    def as_json(self) -> dict[str, Any]:
        """The event as JSON-ready values, ``kind`` first."""
        return {"kind": self.kind, **vars(self)}
