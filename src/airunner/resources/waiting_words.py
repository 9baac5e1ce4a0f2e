"""A wait for others, in words for people.

Owns the words alone, which the terminal and the page say alike; the events are
``SlotAwaited`` and ``MemoryAwaited``, the latter as JSON values too, as a log has it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from airunner.config.byte_size import format_bytes
from airunner.durations import about_seconds
from airunner.errors.pasted import pasted
from airunner.models.spec import short_name


def wait_in_words(name: str, ahead: int, wait_s: float | None) -> str:
    """Which model is waited for, how many it serves first, and about how long that takes."""
    if not ahead:
        return f"{name} is free"
    length = "" if wait_s is None else f", about {about_seconds(wait_s)}"
    return f"waiting for {name}: it answers others ({ahead} before you{length})"


def memory_holder_in_words(waits: Mapping[str, Any]) -> str:
    """Who holds the memory that a ``MemoryAwaited`` waits for, and how much."""
    names = ", ".join(map(short_name, waits["models"]))
    size = f" {format_bytes(waits['held_bytes'])}" if waits["held_bytes"] else " the memory"
    if not waits["holder"]:
        verb = "holds" if len(waits["models"]) == 1 else "hold"
        return f"waiting for memory: {names} {verb}{size}, in use by others"
    command = f"`{waits['command']}`" if waits["command"] else "another AI Runner process"
    which = f", with {names}" if names else ""
    return f"waiting for memory: {command} (process {waits['holder']}) holds{size}{which}"


def memory_wait_in_words(waits: Mapping[str, Any]) -> str:
    """The same, since when, until when, and what a person can do about it."""
    since = ""
    if waits["since_s"] is not None:
        since = f", since {time.strftime('%H:%M', time.localtime(waits['since_s']))}"
    if waits["holder"] and waits.get("is_stopped"):
        end = f"kill {waits['holder']}; kill -CONT {waits['holder']}"
        until = f"It is stopped: `fg` in its terminal lets it go on, and `{end}` ends it"
    elif waits["holder"]:
        is_server = waits["command"].endswith(" serve")
        end = pasted("airunner", "stop") if is_server else f"kill {waits['holder']}"
        until = f"It gives it up once it answers nobody, and `{end}` ends it"
    elif waits["wait_s"] is None:
        until = "It goes on by itself when they are done"
    else:
        until = (
            f"It goes on by itself when they are done, in about {about_seconds(waits['wait_s'])}"
        )
    most = about_seconds(waits["longest_s"])
    return f"{memory_holder_in_words(waits)}{since}. {until}; Ctrl-C ends the wait, or {most} do."
