"""Rows as a small text table, cut to what a model's context can take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airunner.toolbox.tables.database import Rows

_MAX_COLUMNS = 12
_MAX_CELL = 40
_MAX_CHARS = 4_000


def text_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The columns' names over the rows, aligned, numbers to the right.

    Long cells and columns beyond the twelfth are cut; a line says which.
    """
    names = list(map(cell_text, columns))
    grid = [names, *([cell_text(value) for value in row] for row in rows)]
    lines: list[list[str]] = [[] for _ in (*grid, "rule")]
    for number in range(min(len(columns), _MAX_COLUMNS)):
        cells = [row[number] for row in grid]
        width = max(map(len, cells))
        is_number = rows and all(isinstance(row[number], int | float | None) for row in rows)
        cells = [cell.rjust(width) if is_number else cell.ljust(width) for cell in cells]
        for line, cell in zip(lines, [cells[0], "-" * width, *cells[1:]], strict=True):
            line.append(cell)
    texts = [" | ".join(line).rstrip() for line in lines]
    if left := names[_MAX_COLUMNS:][:_MAX_COLUMNS]:
        texts.append(f"(not shown: {', '.join(left)})")
    return "\n".join(texts)


def answer_table(found: Rows) -> str:
    """What a query found, with how many rows there are."""
    if not found.count:
        return "No rows."
    rows = found.shown
    text = text_table(found.columns, rows)
    while len(text) > _MAX_CHARS and len(rows) > 1:
        rows = rows[: len(rows) * 2 // 3]
        text = text_table(found.columns, rows)
    count = f"{found.count:,}" if found.is_counted else f"More than {found.count:,}"
    total = f"{count} row{'' if found.count == 1 else 's'}"
    if len(rows) == found.count and found.is_counted:
        return f"{text}\n{total}."
    return (
        f"{text}\n{total}; the first {len(rows)} are shown. "
        "LIMIT with OFFSET gives others, WHERE fewer."
    )


def cell_text(value: Any) -> str:
    """A value as people read it, on one line and cut."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    if isinstance(value, float):
        return f"{value:.15g}"
    line = " ".join(str(value)[: _MAX_CELL * 4].split())
    return line if len(line) <= _MAX_CELL else f"{line[: _MAX_CELL - 1]}…"
