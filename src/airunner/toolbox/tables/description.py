"""What there is in a database, said in a few lines.

Owns which facts are told: sizes, columns with what they hold, a few rows.
"""

from __future__ import annotations

from airunner.errors import ToolRetryError
from airunner.toolbox.tables.database import Database, Table, quoted
from airunner.toolbox.tables.layout import cell_text, text_table

_MOST_TABLES = 20
_SAMPLED_TABLES = 4
_SAMPLED_COLUMNS = 8
_MEASURED_COLUMNS = 30
_SAMPLE_ROWS = 3


def describe(database: Database, name: str) -> str:
    """The tables of the file called ``name``, with samples."""
    if not database.tables:
        return "\n".join([f"{name}: {database.described} without a table.", *database.left_out])
    if len(database.tables) == 1:
        parts = [f"{name}: {database.described}.", _one(database, database.tables[0])]
    else:
        count = len(database.tables)
        parts = [f"{name}: {database.described} with {count} tables."]
        parts += [
            _among_others(database, table, sampled=number < _SAMPLED_TABLES)
            for number, table in enumerate(database.tables[:_MOST_TABLES])
        ]
        if count > _MOST_TABLES:
            left = ", ".join(table.name for table in database.tables[_MOST_TABLES:])
            parts.append(f"Further tables: {left[:600]}")
    return "\n".join([*parts, *database.notes, *database.left_out])


def schema_for_query(database: Database) -> str:
    """The tables as a model needs them to write SQL: names, types and sample rows."""
    parts = []
    for number, table in enumerate(database.tables[:_MOST_TABLES]):
        columns = ", ".join(f"{quoted(c.name)} {c.kind}" for c in table.columns[:60])
        parts.append(f"{quoted(table.name)}({columns})")
        if number < _SAMPLED_TABLES:
            parts.append(_sample(database, table))
    return "\n".join(parts)


def _one(database: Database, table: Table) -> str:
    lines = [
        f"In SQL it is the table {quoted(table.name)}, {_row_count(database, table)}. Columns:"
    ]
    figures = _figures(database, table)
    for number, column in enumerate(table.columns):
        line = f"- {quoted(column.name)}: {column.kind}"
        if column.original:
            line += f", headed {column.original[:60]!r}"
        lines.append(line + (figures[number] if number < len(figures) else ""))
    return "\n".join([*lines, "First rows:", _sample(database, table)])


def _among_others(database: Database, table: Table, *, sampled: bool) -> str:
    columns = ", ".join(f"{quoted(c.name)} {c.kind}" for c in table.columns[:40])
    more = f" and {len(table.columns) - 40} more" if len(table.columns) > 40 else ""
    line = f"- {quoted(table.name)}, {_row_count(database, table)}: {columns}{more}"
    return f"{line}\n{_sample(database, table)}" if sampled else line


def _row_count(database: Database, table: Table) -> str:
    try:
        found = database.run(f"SELECT count(*) FROM {quoted(table.name)}", 1)
    except ToolRetryError:
        return "too many rows to count"
    count = found.shown[0][0]
    return "1 row" if count == 1 else f"{cell_text(count)} rows"


def _figures(database: Database, table: Table) -> list[str]:
    """For each of the first columns how many cells are empty, and from where to where it goes."""
    names = [quoted(column.name) for column in table.columns[:_MEASURED_COLUMNS]]
    sums = [f"count(*) - count({name}), min({name}), max({name})" for name in names]
    try:
        row = database.run(f"SELECT {', '.join(sums)} FROM {quoted(table.name)}", 1).shown[0]
    except ToolRetryError:
        return []
    texts = []
    for number, column in enumerate(table.columns[:_MEASURED_COLUMNS]):
        empty, least, most = row[number * 3 : number * 3 + 3]
        text = f", {cell_text(empty)} empty" if empty else ""
        is_ordered = column.kind in ("date", "whole number", "number", "INTEGER", "REAL")
        if is_ordered and least is not None:
            text += f", from {cell_text(least)} to {cell_text(most)}"
        texts.append(text)
    return texts


def _sample(database: Database, table: Table) -> str:
    names = ", ".join(quoted(column.name) for column in table.columns[:_SAMPLED_COLUMNS])
    if not names:
        return "(no columns)"
    try:
        found = database.run(
            f"SELECT {names} FROM {quoted(table.name)} LIMIT {_SAMPLE_ROWS}", _SAMPLE_ROWS
        )
    except ToolRetryError as error:
        return f"(no rows can be shown: {error})"
    return text_table(found.columns, found.shown) if found.shown else "(no rows)"
