"""Tools that answer from tables in files: CSV text and SQLite databases."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.toolbox.tables.database import open_database
from airunner.toolbox.tables.description import describe
from airunner.toolbox.tables.guard import MAX_SQL
from airunner.toolbox.tables.layout import MAX_SHOWN_ROWS, answer_table
from airunner.toolbox.tables.sql_writer import ask
from airunner.tools.tool import tool

TableFile = Annotated[str, Field(min_length=1, max_length=300)]


@tool(
    permission="read",
)
def query_table(
    file: TableFile,
    sql: Annotated[str, Field(max_length=MAX_SQL)] = "",
    api: Any = None,
) -> str:
    """Run an SQL SELECT over a CSV file or SQLite database, or show its columns and first rows.

    Args:
        file: the name of the file; the table of sales.csv is called sales.
        sql: one SELECT in SQLite's SQL; empty to see the tables, columns, sizes and first rows.
    """
    path = api.files.existing(file)
    with open_database(path, file, tool="query_table") as database:
        if not sql.strip():
            return describe(database, file)
        return _with_notes(answer_table(database.run(sql, MAX_SHOWN_ROWS)), database.notes)


@tool(
    permission="read",
    uses=(ModelCapability.CODE_GENERATION,),
)
def ask_table(file: TableFile, question: str, api: Any = None) -> str:
    """Answer a question from a CSV file or SQLite database, with SQL by the code model.

    Args:
        file: the name of the file, such as sales.csv or shop.sqlite.
        question: what is to be found out, in plain words.
    """
    if not question.strip():
        raise ToolRetryError("question is empty; say what is to be found out.")
    path = api.files.existing(file)
    with open_database(path, file, tool="ask_table") as database:
        sql, found = ask(database, question, api, "ask_table", MAX_SHOWN_ROWS)
        return _with_notes(f"SQL: {sql}\n\n{answer_table(found)}", database.notes)


def _with_notes(text: str, notes: tuple[str, ...]) -> str:
    return "\n".join([text, *notes])
