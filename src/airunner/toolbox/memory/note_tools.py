"""Tools for knowledge notes: texts that the user has had written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolRetryError
from airunner.records.notes import MOST_TITLE, Note
from airunner.records.one_line import title_from
from airunner.toolbox.memory.named_record import MOST_WANTED, one_meant, telling
from airunner.tools.passages import head_and_tail
from airunner.tools.tool import tool
from airunner.tools.words import stems

_READ_TOKENS = 1500
_MOST_LISTED = 50
_MOST_TEXT = 20_000

_Title = Annotated[str, Field(max_length=MOST_WANTED)]
_NewTitle = Annotated[str, Field(max_length=MOST_TITLE)]


@tool(
    permission="write",
)
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
            f"There is a note {name!r} already. Use append_to_note to add to it, change_note to "
            "rewrite it, or another title."
        )
    return f"Saved the note {note.title!r}."


@tool(
    permission="read",
)
def read_note(title: _Title, api: Any = None) -> str:
    """Read one saved note.

    Args:
        title: the note's title.
    """
    note = _meant(title, api)
    return (
        f"{note.title} (changed {_day(note.changed_s)})\n\n{head_and_tail(note.text, _READ_TOKENS)}"
    )


@tool(
    permission="read",
)
def search_notes(
    query: Annotated[str, Field(max_length=MOST_WANTED)],
    limit: Annotated[int, Field(ge=1, le=20)] = 5,
    api: Any = None,
) -> str:
    """Search the texts and titles of saved notes.

    Args:
        query: a few words to look for.
        limit: the most notes to show.
    """
    besides = {*stems("search find look notes note mention anything there")}
    found = api.records.notes.search(telling(query, besides), limit)
    if not found:
        return "No note has such words. list_notes shows every title."
    lines = [f"- {each.note.title}: {' '.join(each.excerpt.split())}" for each in found]
    return "\n".join([*lines, "read_note shows a whole note."])


@tool(
    permission="read",
)
def list_notes(api: Any = None) -> str:
    """List the titles of all saved notes."""
    notes = api.records.notes.list()
    if not notes:
        return "There are no notes yet."
    lines = [
        f"- {note.title} ({_day(note.changed_s)}, {len(note.text):,} characters)"
        for note in notes[:_MOST_LISTED]
    ]
    if len(notes) > _MOST_LISTED:
        lines.append(f"and {len(notes) - _MOST_LISTED} older ones; search_notes finds them.")
    return "\n".join([f"{len(notes)} notes, the last changed first:", *lines])


@tool(
    permission="write",
)
def append_to_note(
    title: _Title,
    text: Annotated[str, Field(max_length=_MOST_TEXT)],
    api: Any = None,
) -> str:
    """Add text at the end of a saved note.

    Args:
        title: the note's title.
        text: what to add.
    """
    if not text.strip():
        raise ToolRetryError("text is empty; pass what is to be added.")
    note = api.records.notes.append(_meant(title, api).number, text.strip())
    return _changed(note, f"Added to the note {title!r}.", "Added to")


@tool(
    permission="write",
)
def change_note(
    title: _Title, text: Annotated[str, Field(max_length=_MOST_TEXT)], api: Any = None
) -> str:
    """Replace the whole text of a saved note.

    Args:
        title: the note's title.
        text: the new text, which takes the place of the old.
    """
    if not text.strip():
        raise ToolRetryError("text is empty; delete_note deletes a note.")
    note = api.records.notes.replace(_meant(title, api).number, text.strip())
    return _changed(note, f"Changed the note {title!r}.", "Changed")


@tool(
    permission="write",
)
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
    return one_meant(title, notes, lambda note: note.title, kind="note", listing="list_notes")


def _changed(note: Note | None, gone: str, done: str) -> str:
    """What is said of a note after a change; somebody else may have deleted it just before."""
    if note is None:
        raise ToolRetryError(f"{gone.rstrip('.')}: not done, because it was deleted just now.")
    return f"{done} the note {note.title!r}, which has {len(note.text):,} characters now."


def _day(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s):%Y-%m-%d}"
