"""What a tool returned, for people: short enough to be read at a glance.

Owns the lines. Where they are printed is the screens'.
"""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from airunner.cli.console import sign
from airunner.cli.narration import narrate
from airunner.cli.safe_text import excerpt, safe
from airunner.durations import format_seconds
from airunner.events import ToolCallFinished

_WORTH_TELLING_S = 1.0


def result_lines(event: ToolCallFinished, *, whole: bool) -> tuple[str | None, list[str]]:
    """The narration of a call that ended, and below it what it returned or why it did not."""
    below = excerpt(event.problem or (event.result if whole else ""))
    if event.problem:
        event = replace(event, problem="".join(below[:1]))
        del below[:1]
    return narrate(event.as_json()), below


def told_on_terminal(event: ToolCallFinished, console: Console, *, whole: bool) -> list[str]:
    """The same in few lines: a result of one line stands behind the tool's name."""
    mark = sign(console, "✗", "!") if event.problem else sign(console, "✓", "*")
    lines = excerpt(event.problem or (event.result if whole else ""))
    took = f" ({format_seconds(event.seconds)})" if event.seconds >= _WORTH_TELLING_S else ""
    head = f"{mark} {safe(event.tool)}{took}"
    if len(lines) == 1 or (event.problem and lines):
        return [f"{head}: {lines[0]}", *lines[1:]]
    return [head, *lines]
