"""Our dataclasses as the values that JSON has.

Owns one direction only; the way back needs a type, and is ``native_form.read``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from typing import Any


def plain(value: Any) -> dict[str, Any]:
    """A dataclass of ours, or a mapping, as an object of JSON; see ``plain_value``."""
    found: dict[str, Any] = plain_value(value)
    return found


def plain_value(value: Any) -> Any:
    """Values, our dataclasses among them, as JSON has them; what it lacks becomes text."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    return json.loads(json.dumps(value, default=_as_text))


def _as_text(value: object) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    return str(value)
