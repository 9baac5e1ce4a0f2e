"""Tools for knowledge notes: texts that the user has had written down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolRetryError
from airunner.records.notes import MOST_TITLE, Note
from airunner.records.one_line import title_from
from airunner.toolbox.memory.named_record import (
    MOST_WANTED,
    RecordName,
    RecordWords,
    one_meant,
    telling,
)
from airunner.tools.passages import head_and_tail
from airunner.tools.request import Request
from airunner.tools.tool import tool
from airunner.tools.user_words import BodyText, Matching, UserWords
from airunner.tools.words import stems

_READ_TOKENS = 1500
_MOST_TEXT = 20_000
_KIND_WORDS = frozenset(stems("search find look notes note mention anything there"))

_Title = Annotated[str, Field(max_length=MOST_WANTED), RecordName(whole=True)]
_NewTitle = Annotated[str, Field(max_length=MOST_TITLE), RecordName(whole=False)]


class _ReplaceSaid(UserWords):
    """``true`` where the user wants a note's old text gone."""

    _SAID = re.compile(
        r"\b(?:replace|rewrite|overwrite|change|update|edit|swap|set|new text|should (?:now )?"
        r"(?:read|say)|make it)\b",
        re.IGNORECASE,
    )

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """``"true"``, or nothing."""
        return "true" if self._SAID.search(request.wish) else None


class _NewText(UserWords):
    """What is to be added, as in "add bread to my shopping note", or what follows a colon."""

    _FORM = re.compile(
        r"\b(?:add|append|put|write)\s+(?P<text>.+?)\s+(?:in|on|to|into|onto)\s+(?:my|the|our)\b",
        re.IGNORECASE | re.DOTALL,
    )

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The text, or ``None`` if the message does not set it off."""
        if request.body:
            return request.body
        found = self._FORM.search(request.wish)
        return found["text"] if found else None


@tool(
    permission="write",
    examples=(
        "save a note titled Groceries: milk and eggs",
        "make a note that the plumber comes on Tuesday",
        "jot this down: gate opens at six",
        "take a note: the spare key is on the fridge",
        "save this as a note called Recipe",
        "note down that Anna owes me 20 euros",
        "new note: ideas for the party",
        "can you write a note for me saying the car is at the garage?",
        "put this in my notes: router is in the cellar",
        "quick note, paint colour is RAL 7016",
    ),
)
def save_note(
    text: Annotated[BodyText, Field(max_length=_MOST_TEXT)], title: _NewTitle = "", api: Any = None
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


@tool(
    permission="read",
    examples=(
        "read my note about groceries",
        "what does my note on the bank say?",
        "show me the note called Recipe",
        "open the note Ideas",
        'let me see my note "Garden"',
        "can you read me what I wrote in the travel note?",
        "display the full note on the car",
        "what's in the note titled Presents",
        "pull up my packing note",
        "I want to see the text of the note about the boiler",
    ),
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
    examples=(
        "search my notes for the wifi password",
        "is there anything about paint in my notes?",
        "which of my notes mentions Anna?",
        "find the note where I wrote about the plumber",
        'look in my notes for "measurements"',
        "did I note the number of the garage somewhere",
        "do my notes say something about vaccines",
        "go through the notes and find everything on the trip",
        "in what note did I put the locker code?",
        "notes containing birthday",
        "which notes do I have?",
        "list my notes",
        "show all my notes",
        "what are the titles of my notes",
        "how many notes have I saved",
        "give me an overview of the notes",
        "can I see the list of saved notes?",
        "what notes are there",
    ),
)
def search_notes(
    query: Annotated[str, Field(max_length=MOST_WANTED), RecordWords(_KIND_WORDS)] = "",
    limit: Annotated[int, Field(ge=1, le=50), Matching(r"\b([1-9]|[1-4]\d|50) notes\b")] = 10,
    api: Any = None,
) -> str:
    """Search the saved notes, or list their titles.

    Args:
        query: a few words to look for; empty to list them, the last changed first.
        limit: the most notes to show.
    """
    if not query.strip():
        return _titles(api.records.notes.list(), limit)
    found = api.records.notes.search(telling(query, _KIND_WORDS), limit)
    if not found:
        return "No note has such words. An empty query lists every title."
    lines = [f"- {each.note.title}: {' '.join(each.excerpt.split())}" for each in found]
    return "\n".join([*lines, "read_note shows a whole note."])


@tool(
    permission="write",
    examples=(
        "add bread to my shopping note",
        "append this to the note about the garden: the roses need water",
        "put eggs on the groceries note",
        "one more item for my packing note: sunscreen",
        'can you also write "call Tom" in the note Work?',
        "in the note Gifts, add a scarf at the end",
        "extend my travel note with: hotel is booked",
        "to the note on the car, add: new tyres in May",
        "replace my note about the gate with: the code is 4711",
        "rewrite the note Groceries: only bread",
        "change the note Plans to: stay at home",
        "update my wifi note so that it says: password is sunny",
        'overwrite the note "Car" with this text:',
        "the note on the meeting should now read: moved to Friday",
        "edit my note Ideas, new text: build a shed",
        "can you swap the whole text of the note Menu for: pizza?",
        "set the contents of my note Budget to: 500 a month",
        "my note about the doctor is wrong, make it: Dr. Lee at 10",
    ),
)
def change_note(
    title: _Title,
    text: Annotated[str, Field(max_length=_MOST_TEXT), _NewText()],
    replace: Annotated[bool, _ReplaceSaid()] = False,
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


@tool(
    permission="write",
    examples=(
        "delete my note about groceries",
        "remove the note called Recipe",
        "throw away the note on the car",
        "erase my wifi note please",
        'I no longer need the note "Gate code"',
        "can you get rid of the note Ideas?",
        "scrap my packing note",
        "delete the note titled Meeting for good",
        "the note about presents can go",
        "drop the note Old plans from my notes",
    ),
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
