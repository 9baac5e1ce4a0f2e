"""The scheduler's decisions for people: what happened to which model, why, and in bytes.

Owns the sentence. What ``airunner explain`` prints is ``scheduling.decision_words``'.
"""

from __future__ import annotations

import html
import time
from collections.abc import Iterable, Mapping
from typing import Any

from airunner.config.byte_size import format_bytes
from airunner.models.spec import short_name
from airunner.ui.page_words import page_words

_DONE = {
    "start_load": "is loaded",
    "read_ahead": "is read from the disk ahead of time",
    "restore": "gets back what it knew",
    "park": "is parked",
    "stop": "leaves memory",
    "grant": "may be used",
    "hold": "has to wait",
    "refuse": "is refused",
    "give_up": "could not be brought back",
}
"""What each effect does to its model; see ``scheduling.effects``."""


def decision_html(event: Mapping[str, Any]) -> str:
    """What was done, such as ``is parked: makes room for Qwen3-4B, which needs 2.10 GB``."""
    done = _DONE.get(event["action"], event["action"].replace("_", " "))
    words = html.escape(f"{done}: {page_words(event['reason'])}")
    if not event["needed_bytes"]:
        return words
    keys = ("needed_bytes", "held_bytes", "budget_bytes")
    needed, held, budget = (format_bytes(event[key]) for key in keys)
    where = html.escape(event["device"])
    return f"{words} <small>{needed} needed; {held} of {budget} held on {where}</small>"


def decisions_html(decided: Iterable[Mapping[str, Any]]) -> str:
    """A line for each, the last one first; empty for none."""
    lines = "".join(map(_line, reversed(list(decided))))
    return f'<ol class="decisions">{lines}</ol>' if lines else ""


def _line(event: Mapping[str, Any]) -> str:
    at = time.strftime("%H:%M:%S", time.localtime(event["at_s"]))
    name = html.escape(short_name(event["model"]))
    return f"<li><time>{at}</time><span><b>{name}</b> {decision_html(event)}</span></li>"
