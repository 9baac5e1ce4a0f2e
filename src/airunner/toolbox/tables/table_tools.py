"""Tools that answer from tables in files: CSV text and SQLite databases."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.toolbox.tables.csv_tables import table_name
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
    try:
        return answer(path, file, sql, "query_table", lambda: api.cancelled)
    except ToolRetryError as error:
        words = set(re.findall(r"\w+", sql.casefold()))
        others = [api.files.name_of(each) for each in api.files.attached() if each != path]
        asked = [each for each in others if table_name(each).casefold() in words]
        if not asked:
            raise
        advice = f"A query is over one file, here {file}: ask {' and '.join(asked)} by itself."
        raise ToolRetryError(f"{error} {advice}") from error


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
