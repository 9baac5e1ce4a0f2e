"""The documents and tables that a message names, and what it asks of them."""

from __future__ import annotations

from airunner.guided.request import Request
from airunner.guided.user_words import FILE_NAME, WHOLE, Matching
from airunner.toolbox.tables.sql_writer import statement_of


class SqlSaid(Matching):
    """The SELECT that a message has in it."""

    def __init__(self) -> None:
        super().__init__(r"(?i)\bselect\b")

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The statement, or ``None``."""
        statement = statement_of(request.body or request.message)
        return statement if statement.lower().startswith(("select", "with")) else None


_PASSAGES = Matching(r"\b([1-9]|10) passages\b")

MARKS = {
    "read_document": {
        "file": FILE_NAME,
        "part": Matching(r"\bpart (\d{1,4})\b"),
        "page": Matching(r"\bpage (\d{1,4})\b"),
    },
    "search_documents": {"query": WHOLE, "file": FILE_NAME, "max_results": _PASSAGES},
    "summarize_document": {
        "file": FILE_NAME,
        "max_sentences": Matching(r"\b([1-9]|1[0-2]) (?:short )?sentences?\b"),
    },
    "query_table": {"file": FILE_NAME, "sql": SqlSaid()},
    "ask_table": {"file": FILE_NAME, "question": WHOLE},
}
