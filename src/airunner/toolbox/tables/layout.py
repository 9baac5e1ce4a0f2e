"""Rows as a small text table, cut to what a model's context can take."""

from __future__ import annotations

from collections.abc import Sequence

from airunner.toolbox.tables.column_types import Value
from airunner.toolbox.tables.database import Rows

MAX_SHOWN_ROWS = 30

_MAX_COLUMNS = 12
_MAX_CELL = 40
_MAX_CHARS = 4_000


def text_table(columns: Sequence[str], rows: Sequence[Sequence[Value | bytes]]) -> str:
    """The columns' names over the rows, aligned, numbers to the right.

    Long cells and columns beyond the twelfth are cut; a line says which.
    """
    shown = list(columns[:_MAX_COLUMNS])
    cells = [[cell_text(value) for value in row[:_MAX_COLUMNS]] for row in rows]
    names = [_cut(name) for name in shown]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    to_right = [
        all(isinstance(value, int | float | None) for value in column)
        for column in zip(*(row[:_MAX_COLUMNS] for row in rows), strict=True)
    ] or [False] * len(shown)
    lines = [_line(row, widths, to_right) for row in [names, ["-" * w for w in widths], *cells]]
    if len(columns) > _MAX_COLUMNS:
        lines.append(f"(not shown: {', '.join(map(_cut, columns[_MAX_COLUMNS:][:_MAX_COLUMNS]))})")
    return "\n".join(lines)


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


def _line(cells: Sequence[str], widths: Sequence[int], to_right: Sequence[bool]) -> str:
    placed = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, to_right, strict=True)
    )
    return " | ".join(placed).rstrip()


def cell_text(value: Value | bytes) -> str:
    """A value as people read it, on one line and cut."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    return f"{value:.15g}" if isinstance(value, float) else _cut(str(value))


def _cut(text: str) -> str:
    line = " ".join(text[: _MAX_CELL * 4].split())
    return line if len(line) <= _MAX_CELL else f"{line[: _MAX_CELL - 1]}…"
