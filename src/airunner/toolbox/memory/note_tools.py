"""Tools for knowledge notes: texts that the user has had written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolRetryError
from airunner.records.notes import MOST_TITLE, Note
from airunner.records.one_line import title_from
from airunner.toolbox.memory.named_record import MOST_WANTED, one_meant
from airunner.tools.passages import head_and_tail
from airunner.tools.tool import tool

_READ_TOKENS = 1500
_MOST_TEXT = 20_000

_Title = Annotated[str, Field(max_length=MOST_WANTED)]
_NewTitle = Annotated[str, Field(max_length=MOST_TITLE)]


@tool(permission="write")
def save_note(
    text: Annotated[str, Field(max_length=_MOST_TEXT)], title: _NewTitle = "", api: Any = None
) -> str:
    """Save a new note under a title.

    Args:
        text: the whole text of the note.
        title: a short title to find it by; made from the text if left out.
    """
    if not text.strip():
        raise ToolRetryError("text is empty; pass what is to be noted.")
    name = title.strip() or title_from(text)
    if not name:
        raise ToolRetryError("title is empty; give the note one.")
    note = api.records.notes.add(name, text.strip())
    if note is None:
        raise ToolRetryError(
            f"There is a note {name!r} already. Use change_note to add to it or to rewrite "
            "it, or another title."
        )
    return f"Saved the note {note.title!r}."


@tool(permission="read")
def read_note(title: _Title, api: Any = None) -> str:
    """Read one saved note.

    Args:
        title: the note's title.
    """
    note = _meant(title, api)
    return (
        f"{note.title} (changed {_day(note.changed_s)})\n\n{head_and_tail(note.text, _READ_TOKENS)}"
    )


@tool(permission="read")
def search_notes(
    query: Annotated[str, Field(max_length=MOST_WANTED)] = "",
    limit: Annotated[int, Field(ge=1, le=50)] = 10,
    api: Any = None,
) -> str:
    """Search the saved notes, or list their titles.

    Args:
        query: a few words to look for; empty to list them, the last changed first.
        limit: the most notes to show.
    """
    if not query.strip():
        return _titles(api.records.notes.list(), limit)
    found = api.records.notes.search(query, limit)
    if not found:
        return "No note has such words. An empty query lists every title."
    lines = [f"- {each.note.title}: {' '.join(each.excerpt.split())}" for each in found]
    return "\n".join([*lines, "read_note shows a whole note."])


@tool(permission="write")
def change_note(
    title: _Title,
    text: Annotated[str, Field(max_length=_MOST_TEXT)],
    replace: bool = False,
    api: Any = None,
) -> str:
    """Add text at the end of a saved note, or replace all that it says.

    Args:
        title: the note's title.
        text: what to add, or the whole new text.
        replace: true if the text takes the place of the old one.
    """
    if not text.strip():
        raise ToolRetryError("text is empty; pass what the note is to say.")
    number, notes = _meant(title, api).number, api.records.notes
    note = (notes.replace if replace else notes.append)(number, text.strip())
    if note is None:  # somebody else may have deleted it just before
        raise ToolRetryError(f"The note {title!r} was deleted just now; nothing was changed.")
    done = "Changed" if replace else "Added to"
    return f"{done} the note {note.title!r}, which has {len(note.text):,} characters now."


@tool(permission="write")
def delete_note(title: _Title, api: Any = None) -> str:
    """Delete a saved note for good.

    Args:
        title: the note's title.
    """
    note = _meant(title, api)
    if not api.records.notes.delete(note.number):
        raise ToolRetryError(f"The note {note.title!r} is gone already.")
    return f"Deleted the note {note.title!r}."


def _meant(title: str, api: Any) -> Note:
    notes: Sequence[Note] = api.records.notes.list()
    return one_meant(title, notes, lambda note: note.title, kind="note", listing="search_notes")


def _titles(notes: Sequence[Note], limit: int) -> str:
    if not notes:
        return "There are no notes yet."
    lines = [
        f"- {note.title} ({_day(note.changed_s)}, {len(note.text):,} characters)"
        for note in notes[:limit]
    ]
    if len(notes) > limit:
        lines.append(f"and {len(notes) - limit} older ones.")
    return "\n".join([f"{len(notes)} notes, the last changed first:", *lines])


def _day(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s):%Y-%m-%d}"
