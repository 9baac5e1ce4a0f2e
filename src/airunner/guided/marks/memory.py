"""The names, titles and texts by which a message speaks of what is saved."""

from __future__ import annotations

import math
import re
from collections.abc import Collection

from airunner.guided.request import Request
from airunner.guided.user_words import BODY, UNSAID, Matching, TrueWhere, UserWords
from airunner.guided.words import COMMON, stems
from airunner.records.conversations import MOST_TITLE
from airunner.toolbox.memory import conversation_tools
from airunner.toolbox.memory.named_record import MOST_WANTED

_LONGEST_QUOTED = 120
_NAMED = re.compile(
    r"\b(?:titled|called|named|entitled|about)\s+(?:the\s+|my\s+)?[\"'“]?(?P<name>.+?)[\"'”]?[\s.?!]*$",
    re.IGNORECASE,
)
_LISTING = frozenset(
    stems(
        "list show see overview give title titled called saved all every previous past recent last "
        "latest first history past have many"
    )
)
"""Words of a wish to see what there is."""

_NOTE_WORDS = frozenset(stems("search find look notes note mention anything there"))
_TALK_WORDS = frozenset(
    stems("conversation conversations chat chats talk talked discuss discussed find search earlier")
)
"""Words that say where to search, and not for what."""

_DOING = frozenset(
    stems(
        "add append cancel change chat conversation delete drop erase fact find forget knowledge "
        "latest note open please read reminder remove replace rewrite saved search show summarise "
        "summary switch title update"
    )
)
"""Words of a wish that say what is to be done, and not with which record."""


def telling(text: str, besides: Collection[str]) -> str:
    """The words of ``text`` that are neither common nor ``besides``; all of them if none is."""
    left = [
        word
        for word in text.split()
        if not {*stems(word)} <= COMMON and not {*stems(word)} & {*besides}
    ]
    return " ".join(left) or text


class RecordName(UserWords):
    """The name of a saved thing: what follows "called" or "about", or a short quotation.

    Where the message has neither, what it says beside the wish is taken with ``whole``, and
    nothing without.
    """

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The name, or ``None`` if the message does not settle it."""
        if found := _NAMED.search(request.wish):
            return found["name"]
        if request.body and len(request.body) <= _LONGEST_QUOTED and "\n" not in request.body:
            return request.body
        if not self._whole or len(request.message) > MOST_WANTED:
            return None
        if conversation_tools.THIS_ONE.search(request.message):
            return request.message
        return telling(request.message, _DOING).rstrip(".?!")


class RecordWords(UserWords):
    """What saved things are searched for; nothing where a list of them is wanted."""

    def __init__(self, kind_words: Collection[str]) -> None:
        self._kind_words = kind_words

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The message, if it has a word that may be looked for."""
        said = {*stems(request.message)} - COMMON - {*self._kind_words} - _LISTING
        return telling(request.message[:MOST_WANTED], self._kind_words) if said else None


class _BodyOr(UserWords):
    """The text that the request is about, or else the first group of a pattern in the wish."""

    def __init__(self, pattern: str, longest_body: float = math.inf) -> None:
        self._pattern = re.compile(pattern, re.IGNORECASE | re.DOTALL)
        self._longest_body = longest_body

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The text, or ``None`` if the message does not set it off."""
        if request.body and len(request.body) <= self._longest_body:
            return request.body
        found = self._pattern.search(request.wish)
        return found[1] if found else None


class _Told(UserWords):
    """What is to be remembered or forgotten, without the words that ask for it."""

    _ASKING = re.compile(
        r"^.*?\b(?:remember|keep in mind|don'?t forget|do not forget|forget)\b"
        r"(?:\s+(?:for me|please))?(?:\s*[,:]|\s+that\b|\s+the fact that\b|\s+about)?\s*",
        re.IGNORECASE | re.DOTALL,
    )

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The fact in the user's words; ``None`` if nothing is left of the message."""
        if request.body:
            return request.body
        return self._ASKING.sub("", request.message.replace("’", "'"), count=1).strip() or None


_THIS_ONE = TrueWhere(conversation_tools.THIS_ONE)
_NAMED_ONE, _NAME_IF_ANY = RecordName(whole=True), RecordName(whole=False)

_NEW_TITLE = _BodyOr(
    r"\b(?:conversation|chat)\s+(?:as\s+|to\s+|called\s+)?([^\n]{2,80}?)[\s.!?]*$", MOST_TITLE
)
"""The title in "call this conversation Bees", or in quotation marks."""

_NEW_TEXT = _BodyOr(
    r"\b(?:add|append|put|write)\s+(.+?)\s+(?:in|on|to|into|onto)\s+(?:my|the|our)\b"
)
"""What is to be added, as in "add bread to my shopping note", or what follows a colon."""

_REPLACES = TrueWhere(
    r"(?i)\b(?:replace|rewrite|overwrite|change|update|edit|swap|set|new text|should (?:now )?"
    r"(?:read|say)|make it)\b"
)
"""Whether a note's old text is to go."""

MARKS = {
    "search_conversations": {
        "query": RecordWords(_TALK_WORDS),
        "limit": Matching(r"\b([1-9]|[1-4]\d|50) (?:conversations|chats)\b"),
    },
    "title_conversation": {"title": _NEW_TITLE, "conversation": UNSAID},
    "summarize_conversation": {
        "conversation": _NAME_IF_ANY,
        "max_sentences": Matching(r"\b([1-9]|1[0-2]) sentences?\b"),
    },
    "switch_conversation": {"conversation": _NAMED_ONE},
    "delete_conversation": {
        "conversation": _NAMED_ONE,
        "also_this_one": _THIS_ONE,
    },
    "save_note": {"text": BODY, "title": _NAME_IF_ANY},
    "read_note": {"title": _NAMED_ONE},
    "search_notes": {
        "query": RecordWords(_NOTE_WORDS),
        "limit": Matching(r"\b([1-9]|[1-4]\d|50) notes\b"),
    },
    "change_note": {"title": _NAMED_ONE, "text": _NEW_TEXT, "replace": _REPLACES},
    "delete_note": {"title": _NAMED_ONE},
    "remember_fact": {"fact": _Told()},
    "recall_facts": {"about": _NAME_IF_ANY},
    "forget_fact": {"fact": _Told()},
}
