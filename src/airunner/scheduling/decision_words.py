"""A decision of the scheduler in words: what, for which model, why, and in bytes.

Works on the ``Decided`` event as JSON values, because ``airunner explain`` reads
it from a log. What came of a decision is told elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunner.config.byte_size import format_bytes
from airunner.models.spec import short_name


def decision_line(event: Mapping[str, Any]) -> str:
    """One line, such as ``PARK Qwen3-4B on cpu: makes room for … (2.10 GB needed; …)``."""
    where = f" on {event['device']}" if event["device"] else ""
    action = event["action"].replace("_", " ").upper()
    line = f"{action} {short_name(event['model'])}{where}: {event['reason']}"
    if event["needed_bytes"]:
        line += (
            f" ({format_bytes(event['needed_bytes'])} needed; "
            f"{format_bytes(event['held_bytes'])} of {format_bytes(event['budget_bytes'])} held)"
        )
    return line
