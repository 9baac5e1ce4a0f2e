"""What there is in a database, said in a few lines.

Owns which facts are told: sizes, columns with what they hold, a few rows.
"""

from __future__ import annotations

import re

from airunner.errors import ToolRetryError
from airunner.toolbox.tables.database import Database, Table
from airunner.toolbox.tables.layout import cell_text, text_table

_MOST_TABLES = 20
_MOST_COLUMNS = 40
_SAMPLED_TABLES = 4
_SAMPLED_COLUMNS = 8
_MEASURED_COLUMNS = 30
_SAMPLE_ROWS = 3
_ONE_TABLE = re.compile(r"\nIn SQL it is the table \w+, (\d+) rows?, (\d+) columns?:\n")
_ORDERED = ("date", "date and time", "whole number", "number", "INTEGER", "REAL")


def describe(database: Database, name: str) -> str:
    """The tables of the file called ``name``, with samples."""
    tables = database.tables
    head = f"{name}: {database.described}"
    if not tables:
        parts = [f"{head} without a table."]
    elif len(tables) == 1:
        parts = [f"{head}.", _one(database, tables[0])]
    else:
        parts = [f"{head} with {len(tables)} tables."]
        for number, table in enumerate(tables[:_MOST_TABLES]):
            parts.append(_among_others(database, table))
            if number < _SAMPLED_TABLES:
                parts.append(_sample(database, table))
        if left := ", ".join(table.name for table in tables[_MOST_TABLES:]):
            parts.append(f"Further tables: {left[:600]}")
    return "\n".join([*parts, *database.notes, *database.left_out])


def table_size(description: str) -> str:
    """``60,000 rows, 3 columns`` of a description by ``describe``; empty unless of one table."""
    found = _ONE_TABLE.search(description)
    if found is None:
        return ""
    counts = zip(map(int, found.groups()), ("row", "column"), strict=True)
    return ", ".join(f"{count:,} {what}{'s' * (count != 1)}" for count, what in counts)


def _one(database: Database, table: Table) -> str:
    count = len(table.columns)
    columns = "1 column" if count == 1 else f"{count} columns"
    lines = [f"In SQL it is the table {table.name}, {_row_count(database, table)}, {columns}:"]
    figures = _figures(database, table)
    for number, column in enumerate(table.columns):
        headed = f", headed {column.original[:60]!r}" if column.original else ""
        figure = figures[number] if number < len(figures) else ""
        lines.append(f"- {column.name}: {column.kind}{headed}{figure}")
    return "\n".join([*lines, "First rows:", _sample(database, table)])


def _among_others(database: Database, table: Table) -> str:
    columns = ", ".join(f"{each.name} {each.kind}" for each in table.columns[:_MOST_COLUMNS])
    more = len(table.columns) - _MOST_COLUMNS
    tail = f" and {more} more" if more > 0 else ""
    return f"- {table.name}, {_row_count(database, table)}: {columns}{tail}"


def _row_count(database: Database, table: Table) -> str:
    try:
        count = database.run(f"SELECT count(*) FROM {table.name}").shown[0][0]
    except ToolRetryError:
        return "too many rows to count"
    return "1 row" if count == 1 else f"{count} rows"


def _figures(database: Database, table: Table) -> list[str]:
    """For each of the first columns how many cells are empty, and from where to where it goes."""
    columns = table.columns[:_MEASURED_COLUMNS]
    sums = ", ".join(f"count(*) - count({c.name}), min({c.name}), max({c.name})" for c in columns)
    try:
        row = database.run(f"SELECT {sums} FROM {table.name}").shown[0]
    except ToolRetryError:
        return []
    texts = []
    for number, column in enumerate(columns):
        empty, least, most = row[number * 3 : number * 3 + 3]
        text = f", {empty} empty" if empty else ""
        if column.kind in _ORDERED and least is not None:
            text += f", from {cell_text(least)} to {cell_text(most)}"
        texts.append(text)
    return texts


def _sample(database: Database, table: Table) -> str:
    if not table.columns:
        return "(no columns)"
    names = ", ".join(column.name for column in table.columns[:_SAMPLED_COLUMNS])
    try:
        found = database.run(f"SELECT {names} FROM {table.name} LIMIT {_SAMPLE_ROWS}")
    except ToolRetryError as error:
        return f"(no rows can be shown: {error})"
    return text_table(found.columns, found.shown) if found.count else "(no rows)"
