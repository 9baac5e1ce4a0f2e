"""Tables in which no name is broken in the middle, however narrow the terminal is.

Owns how wide the columns of a table are, and what becomes of rows that do not fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Row, Table
from rich.text import Text

_GAP = 2
"""Blanks between columns."""


def columns(*names: str, right: Sequence[str] = ()) -> Table:
    """A table without lines, of texts: broken at blanks, and never cut."""
    table = WholeWordTable(box=None, pad_edge=False, header_style="bold", show_header=any(names))
    table.padding = (0, _GAP, 0, 0)
    for name in names:
        number = name in right
        table.add_column(name, justify="right" if number else "left", no_wrap=number)
    return table


class WholeWordTable(Table):
    """A table of texts. Where words do not fit beside each other, they stand below."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, or its rows as lines; no line ends in blanks."""
        for line in Segment.split_lines(self._segments(console, options)):
            yield from _without_end(line)
            yield Segment.line()

    def _segments(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for part in self._parts(console, options):
            if isinstance(part, Segment):
                yield part
            else:
                yield from console.render(part, options)

    def _parts(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width
        rows = [*zip(self.rows, zip(*self._texts(), strict=True), strict=True)]
        if not rows or self._set_widths(room):
            yield from super().__rich_console__(console, options)
        elif len(self.columns) == 2 and not self.show_header:
            yield from _pairs(rows, room)
        else:
            headers = [str(column.header).strip().casefold() for column in self.columns]
            for row, cells in rows:
                yield from _stacked(row, headers, cells, room)

    def _texts(self) -> list[list[str]]:
        return [[str(cell) for cell in column._cells] for column in self.columns]

    def _set_widths(self, room: int) -> bool:
        """Give each column its width; whether all words fit."""
        least, widths = [], []
        for place, (column, cells) in enumerate(zip(self.columns, self._texts(), strict=True)):
            header = str(column.header) if self.show_header else ""
            width = max(map(len, [header, *cells]))
            whole = column.no_wrap or not place
            least.append(width if whole else max(map(_longest_word, [header, *cells])))
            widths.append(width)
        gaps = _GAP * (len(widths) - 1)
        if sum(least) + gaps > room:
            return False
        while (over := sum(widths) + gaps - room) > 0:
            widest = max(range(len(widths)), key=lambda n: widths[n] - least[n])
            widths[widest] -= min(over, widths[widest] - least[widest])
        for column, width in zip(self.columns, widths, strict=True):
            column.width = width
        return True


def _without_end(line: list[Segment]) -> list[Segment]:
    """A line without the blanks that fill its last column."""
    while line:
        text, style, control = line.pop()
        if control or (text := text.rstrip(" ")):
            return [*line, Segment(text, style, control)]
    return []


def _pairs(rows: Sequence[tuple[Row, tuple[str, ...]]], room: int) -> Iterator[RenderableType]:
    """Names and values: what does not fit beside its name stands below it."""
    width = max(len(name) for _, (name, _) in rows)

    def fits(row: tuple[Row, tuple[str, ...]]) -> bool:
        return width + _GAP + _longest_word(row[1][1]) <= room

    for beside, some in groupby(rows, fits):
        if beside:
            grid = Table.grid(padding=(0, _GAP, 0, 0))
            grid.add_column(width=width)
            grid.add_column()
            for row, cells in some:
                grid.add_row(*cells, style=row.style)
            yield grid
        else:
            for row, cells in some:
                yield from _stacked(row, ["", ""], cells, room)


def _stacked(
    row: Row, headers: Sequence[str], cells: Sequence[str], room: int
) -> Iterator[RenderableType]:
    """A row as lines: the first cell, and below it, indented, the others by their headers."""
    first, *others = cells
    style = row.style or ""
    yield Text(first, style, overflow="fold")
    indent = len(first) - len(first.lstrip()) + 2
    for header, cell in zip(headers[1:], others, strict=True):
        if cell.strip() in ("", "-"):
            continue
        words = f"{header} {cell}".strip()
        whole = _longest_word(words) <= room - indent
        yield Padding(
            Text(words, style, overflow="fold"), (0, 0, 0, indent if whole else 0), expand=False
        )


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)
