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
from airunner.toolbox.tables.sql_writer import ask, statement_of
from airunner.tools.request import Request
from airunner.tools.tool import tool
from airunner.tools.user_words import FileName, Matching, RequestText


class SqlSaid(Matching):
    """The SELECT that a message has in it."""

    def __init__(self) -> None:
        super().__init__(r"(?i)\bselect\b")

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The statement, or ``None``."""
        statement = statement_of(request.body or request.message)
        return statement if statement.lower().startswith(("select", "with")) else None


TableFile = Annotated[FileName, Field(min_length=1, max_length=300)]


@tool(
    permission="read",
    examples=(
        "what columns does sales.csv have?",
        "describe the table in data.tsv",
        "which tables are in shop.sqlite",
        "how many rows does people.csv have",
        "show me the first rows of orders.csv",
        "what is the schema of library.db",
        "what does the file weather.csv look like, its fields and size",
        "how is the database music.sqlite structured?",
        "run sql on sales.csv: SELECT region, sum(amount) FROM sales GROUP BY region",
        "run this query on shop.sqlite: select * from orders limit 5",
        "execute SELECT count(*) FROM people on people.csv",
        "select name, price from products where price > 10, in products.csv",
        "sql for library.db: SELECT title FROM books ORDER BY year",
        "use this SQL statement on weather.csv: select max(temp) from weather",
        "what does select distinct city from members return for members.csv",
        "query music.sqlite with: select artist, count(*) from songs group by artist",
        "please apply the following SELECT to staff.tsv: select * from staff",
        "fire this sql at log.db: SELECT * FROM events WHERE level = 'error'",
    ),
)
def query_table(
    file: TableFile,
    sql: Annotated[str, Field(max_length=MAX_SQL), SqlSaid()] = "",
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
    examples=(
        "what is the total amount per region in sales.csv?",
        "which customer in shop.sqlite has the most orders",
        "how many people in people.csv are older than 30",
        "what is the average price in products.csv",
        "who earns the most according to staff.csv?",
        "top five cities by population in cities.csv",
        "from the database library.db, which books were never lent out",
        "in weather.csv, what was the hottest day",
        "add up all expenses of March in budget.csv",
        "count the members in club.tsv for every town",
    ),
)  # fmt: skip
def ask_table(file: TableFile, question: RequestText, api: Any = None) -> str:
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
