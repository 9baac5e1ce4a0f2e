"""Tools for facts that the user wants remembered about themselves."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolRetryError
from airunner.store.facts import MOST_FACT
from airunner.tools.named_record import RecordName, one_meant, telling
from airunner.tools.request import Request
from airunner.tools.tool import tool
from airunner.tools.user_words import UserWords
from airunner.tools.words import stems

_MOST_RECALLED = 30


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


_Fact = Annotated[str, Field(max_length=MOST_FACT), _Told()]


@tool(
    permission="write",
    keywords=(
        "remember that",
        "remember this",
        "please remember",
        "remember for me",
        "keep in mind",
        "don't forget that",
        "do not forget that",
        "for future reference",
    ),
    unless=("remind", "what", "note"),
    examples=(
        "remember that I am allergic to nuts",
        "please remember my daughter is called Ida",
        "keep in mind that I prefer metric units",
        "don't forget that I live in Graz",
    ),
)
def remember_fact(fact: _Fact, api: Any = None) -> str:
    """Remember a fact about the user for all later conversations.

    Args:
        fact: one short sentence, in the user's words.
    """
    if not fact.strip():
        raise ToolRetryError("fact is empty; pass what is to be remembered.")
    return f"Remembered: {api.records.facts.add(fact).text}"


@tool(
    permission="read",
    keywords=(
        "what do you know about me",
        "know about me",
        "remember about me",
        "what do you remember",
        "do you remember",
        "did i tell you",
        "have i told you",
        "facts about me",
        "do you know my",
    ),
    topics=("remember", "about me", "facts"),
    examples=(
        "what do you know about me?",
        "do you remember what my cat is called?",
        "what did I tell you about my diet?",
    ),
)
def recall_facts(
    about: Annotated[str, Field(max_length=200), RecordName(whole=False)] = "", api: Any = None
) -> str:
    """Recall what the user asked to have remembered about themselves.

    Args:
        about: a few words to look for; everything if left out.
    """
    facts = api.records.facts
    if not facts.list(1):
        return "Nothing has been remembered about the user yet."
    words = telling(about.strip(), {*stems("know remember facts me user")})
    found = facts.search(words, _MOST_RECALLED) if words and words.lower() != "me" else []
    head = f"Remembered about {words!r}:"
    if not found:
        found = facts.list(_MOST_RECALLED)
        head = "Nothing fits these words. " if words and words.lower() != "me" else ""
        head += "Remembered, newest first:"
    more = "" if len(found) < _MOST_RECALLED else "\n(There may be more: say what about.)"
    return "\n".join([head, *(f"- {fact.text}" for fact in found)]) + more


@tool(
    permission="write",
    keywords=(
        "forget that",
        "forget what i",
        "forget my",
        "forget about my",
        "forget the fact",
        "no longer remember",
        "stop remembering",
    ),
    unless=("don't",),
    examples=(
        "forget that I am allergic to nuts",
        "forget what I told you about my cat",
        "please forget my address",
    ),
)
def forget_fact(fact: _Fact, api: Any = None) -> str:
    """Forget a fact that was remembered about the user.

    Args:
        fact: the fact, or enough words of it to tell it from others.
    """
    facts = api.records.facts
    found = one_meant(
        fact, facts.list(), lambda each: each.text, kind="fact", listing="recall_facts"
    )
    if not facts.delete(found.number):
        raise ToolRetryError("That is forgotten already.")
    return f"Forgotten: {found.text}"
