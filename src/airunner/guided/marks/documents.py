"""The documents and tables that a message names, and what it asks of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from airunner.guided.request import Request
from airunner.guided.user_words import DOCUMENT, FILE, WHOLE, Document, Matching
from airunner.guided.words import COMMON, stems
from airunner.records.attached_text import ATTACHED, AttachedText, taken_apart
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


_LOOKED_AT = 4_000
"""Characters of a table, or of its description, whose words a later question may have."""
_GOES_ON = re.compile(r"\s*(?:and|or|but|(?:what|how) about)\b", re.IGNORECASE)
_OF_ANY_TABLE = frozenset(
    stems("attached text parted by commas in SQL number date empty headed distinct values first")
)
"""Words of any description of a table."""


class TableName(Document):
    """A file's name as of any document, or else that of the table that is gone on about."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """A name that tools know; ``None`` where no file is meant, or several are."""
        said = super().take(request, earlier_answer)
        if request.table and said in (None, request.table.removeprefix(ATTACHED)):
            return request.table
        return said


def is_beside_table(request: Request) -> bool:
    """Whether a table that tools can read, and no other file, is what a message may be about."""
    names = request.attached or (request.table,)
    return len(names) == 1 and _is_table(names[0])


def table_gone_on_about(words: str, before: Iterable[str]) -> str:
    """The name of the table that was last attached, if ``words`` are of it; else empty.

    They are where they have a word of the table, or begin as a question that goes on does.
    ``before`` are the user's earlier messages, the newest first.
    """
    files = next(filter(None, (taken_apart(text)[0] for text in before)), [])
    if len(files) != 1 or not _is_table(files[0].name):
        return ""
    said = {word for word in stems(words) if word.isalpha()} - COMMON
    is_of_it = _GOES_ON.match(words) or said & _words_of(files[0])
    return files[0].name if said and is_of_it else ""


def _is_table(name: str) -> bool:
    return name.startswith(ATTACHED) and name.lower().endswith(_TABLE_ENDINGS)


def _words_of(table: AttachedText) -> set[str]:
    """Of what is in it; the lines in brackets are what the server has to say of it."""
    lines = table.text[:_LOOKED_AT].splitlines()
    return set(stems("\n".join(line for line in lines if line[:1] != "["))) - _OF_ANY_TABLE


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
    "query_table": {"file": TableName(FILE), "sql": SqlSaid()},
    TABLE_TOOL: {"file": TableName(FILE), "question": WHOLE},
}
