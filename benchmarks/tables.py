"""Tables in Markdown, and the words in them: shares, durations, and where figures come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airunner.config.byte_size import format_bytes

Result = Mapping[str, Any]


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A Markdown table whose columns after the first are right-aligned."""
    heads = list(heads)
    lines = [heads, ["---", *(["---:"] * (len(heads) - 1))], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def share(part: float | None) -> str:
    """A part of one as a percentage; nothing for what does not exist."""
    return "" if part is None else f"{part:.1%}"


def duration(seconds_s: float) -> str:
    """Milliseconds below one second, seconds above."""
    return f"{seconds_s * 1000:.0f} ms" if seconds_s < 1 else f"{seconds_s:.2f} s"


def taken(result: Result) -> str:
    """On which day and machine the figures were taken."""
    on = result["machine"]
    gpu = f"{on['gpu']}, " if "gpu" in on else ""
    return (
        f"<sub>{result['measured_on']}: {gpu}{on['cpu']}, {on['cores']} cores, "
        f"{format_bytes(on['ram_bytes'])} RAM, {on['system']}, Python {on['python']}, "
        f"{on['engine']}, load {on['load_1m']} at the start.</sub>"
    )
