"""The documents and tables that a message names, and what it asks of them."""

from __future__ import annotations

from airunner.guided.request import Request
from airunner.guided.user_words import DOCUMENT, WHOLE, Matching
from airunner.records.attached_text import ATTACHED
from airunner.toolbox.tables.sql_writer import statement_of


class SqlSaid(Matching):
    """The SELECT that a message has in it."""

    def __init__(self) -> None:
        super().__init__(r"(?i)\bselect\b")

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The statement, or ``None``."""
        statement = statement_of((not request.attached and request.body) or request.message)
        return statement if statement.lower().startswith(("select", "with")) else None


TABLE_TOOL = "ask_table"
"""The tool that answers questions from a table."""

_TABLE_ENDINGS = (".csv", ".tsv", ".tab", ".sqlite", ".sqlite3", ".db")


def is_beside_table(request: Request) -> bool:
    """Whether a table that tools can read is attached to a message, and no other file."""
    names = request.attached
    return (
        len(names) == 1
        and names[0].startswith(ATTACHED)
        and (names[0].lower().endswith(_TABLE_ENDINGS))
    )


_PASSAGES = Matching(r"\b([1-9]|10) passages\b")

MARKS = {
    "read_document": {
        "file": DOCUMENT,
        "part": Matching(r"\bpart (\d{1,4})\b"),
        "page": Matching(r"\bpage (\d{1,4})\b"),
    },
    "search_documents": {"query": WHOLE, "file": DOCUMENT, "max_results": _PASSAGES},
    "summarize_document": {
        "file": DOCUMENT,
        "max_sentences": Matching(r"\b([1-9]|1[0-2]) (?:short )?sentences?\b"),
    },
    "query_table": {"file": DOCUMENT, "sql": SqlSaid()},
    TABLE_TOOL: {"file": DOCUMENT, "question": WHOLE},
}
