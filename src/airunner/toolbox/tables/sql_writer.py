"""A question about tables, turned into SQL by the code model.

Owns the prompts, what of the model's answer is the statement, and the one
correction that it gets. Whether a statement may run is for ``database``.
"""

from __future__ import annotations

import re
from pathlib import Path

from airunner.errors import AiRunnerError, ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.toolbox.tables.description import table_size
from airunner.toolbox.tables.query_process import answer
from airunner.tools.api import ToolApi
from airunner.tools.passages import head_and_tail

_SQL_TOKENS = 300
_FILE_TOKENS = 900
_QUESTION_TOKENS = 200
_ERROR_TOKENS = 150
_FENCE = re.compile(r"```[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)
_STATEMENT = re.compile(
    r"\b(?:SELECT\b|WITH\s+(?:RECURSIVE\s+)?[\w\"]+\s*(?:\([^)]*\)\s*)?AS\b).*",
    re.DOTALL | re.IGNORECASE,
)
_RULES = (
    "Write one SELECT statement that answers the question, in SQLite's SQL for a SQLite "
    "database and in DuckDB's SQL for a text file. Use only these tables and columns. "
    "Reply with the SQL alone, without a comment."
)


def ask(path: Path, name: str, question: str, api: ToolApi | None, tool: str) -> str:
    """The statement that the code model wrote for ``question``, and what it found.

    Raises:
        ToolFailedError: the model could not be used, or wrote no statement that runs.
    """

    def found_by(sql: str) -> str:
        return answer(path, name, sql, tool, lambda: api is not None and api.cancelled)

    described = found_by("")
    size = table_size(described)
    described = head_and_tail(described, _FILE_TOKENS)
    model = api.load_specialized_model(ModelCapability.CODE_GENERATION) if api else None
    if model is None:
        raise ToolFailedError(tool, "the code model could not be used, so no query was written")
    asked = head_and_tail(question.strip(), _QUESTION_TOKENS)
    prompt = f"{_RULES}\n\n{described}\n\nQuestion: {asked}\n\nSQL:"
    try:
        with model:
            sql = statement_of(model.invoke(prompt, max_tokens=_SQL_TOKENS))
            try:
                return f"SQL: {sql}\n\n{found_by(sql)}"
            except ToolRetryError as error:
                problem = head_and_tail(str(error), _ERROR_TOKENS)
            again = f"That does not run. {problem}\nWrite the corrected SELECT alone."
            sql = statement_of(model.invoke(again, max_tokens=_SQL_TOKENS))
    except ToolFailedError:
        raise
    except AiRunnerError as error:
        raise ToolFailedError(tool, f"the code model could not be used: {error}") from error
    try:
        return f"SQL: {sql}\n\n{found_by(sql)}"
    except ToolRetryError as error:
        known = f" The table has {size}." if size else ""
        problem = f"the code model wrote no query that runs, so nothing was found out.{known}"
        raise ToolFailedError(tool, f"{problem}\n{error}\nSQL: {sql[:500]}") from None


def statement_of(reply: str) -> str:
    """The SQL in a model's reply: of a fenced block, or from the first SELECT to the semicolon."""
    fence = _FENCE.search(reply)
    found = _STATEMENT.search(fence[1] if fence else reply)
    text = found[0] if found else (fence[1] if fence else reply)
    statement = _first_statement(text).strip()
    return statement.rstrip("`").rstrip() if statement.count("`") % 2 else statement


def _first_statement(text: str) -> str:
    """Up to the first semicolon outside of quotes, or to a blank line before prose."""
    quote = ""
    for index, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == ";":
            return text[:index]
    return re.split(r"\n\s*\n", text)[0]
