"""Tools that answer from tables in files: CSV text and SQLite databases."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.toolbox.tables.database import MAX_SQL
from airunner.toolbox.tables.query_process import answer
from airunner.toolbox.tables.sql_writer import ask
from airunner.tools.files_folder import file_meant
from airunner.tools.tool import tool

TableFile = Annotated[str, Field(min_length=1, max_length=300)]


@tool(
    permission="read",
    needs=("duckdb",),
    resolve={"file": file_meant},
)
def query_table(
    file: TableFile,
    sql: Annotated[str, Field(max_length=MAX_SQL)] = "",
    api: Any = None,
) -> str:
    """Run an SQL SELECT over a CSV file or SQLite database, or show its columns and first rows.

    Args:
        file: the name of the file; the table of sales.csv is called sales.
        sql: one SELECT, in DuckDB's SQL for CSV and in SQLite's for a database; empty to see
            the tables, columns, sizes and first rows.
    """
    path = api.files.readable(file)
    return answer(path, file, sql, "query_table", lambda: api.cancelled)


@tool(
    permission="read",
    uses=(ModelCapability.CODE_GENERATION,),
    needs=("duckdb",),
    resolve={"file": file_meant},
)
def ask_table(file: TableFile, question: str, api: Any = None) -> str:
    """Answer a question from a CSV file or SQLite database, with SQL by the code model.

    Args:
        file: the name of the file, such as sales.csv or shop.sqlite.
        question: what is to be found out, in plain words.
    """
    if not question.strip():
        raise ToolRetryError("question is empty; say what is to be found out.")
    return ask(api.files.readable(file), file, question, api, "ask_table")
