"""An event from its JSON, as a server of ours sends it and ``Event.as_json`` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from airunner.events import Event


def event_from_json(value: Mapping[str, Any]) -> Event | None:
    """The event that ``as_json`` wrote, or ``None`` if there is no such kind here."""
    kind = _kinds().get(value["kind"])
    return kind(**{k: v for k, v in value.items() if k != "kind"}) if kind else None


@cache
def _kinds() -> dict[str, type[Event]]:
    return {kind.kind_name(): kind for kind in Event.__subclasses__()}
