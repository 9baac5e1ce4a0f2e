"""What the scheduler is told, and wants done, as the plain values that a run's log has."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def values_of(value: DataclassInstance) -> dict[str, Any]:
    """The fields of a dataclass, by name, as they are."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


@cache
def snake_case(name: str) -> str:
    """The name of a class as events and logs have it: ``StartLoad`` is ``start_load``."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
