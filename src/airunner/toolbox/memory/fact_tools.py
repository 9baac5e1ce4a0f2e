"""Tools for facts that the user wants remembered about themselves."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolRetryError
from airunner.records.facts import MOST_FACT
from airunner.toolbox.memory.named_record import one_meant
from airunner.tools.tool import tool

_MOST_RECALLED = 30
_EVERYTHING = {"me", "user", "the user"}

_Fact = Annotated[str, Field(max_length=MOST_FACT)]


@tool(permission="write")
def remember_fact(fact: _Fact, api: Any = None) -> str:
    """Remember a fact about the user for all later conversations.

    Args:
        fact: one short sentence, in the user's words.
    """
    if not fact.strip():
        raise ToolRetryError("fact is empty; pass what is to be remembered.")
    return f"Remembered: {api.records.facts.add(fact).text}"


@tool(permission="read")
def recall_facts(about: Annotated[str, Field(max_length=200)] = "", api: Any = None) -> str:
    """Recall what the user asked to have remembered about themselves.

    Args:
        about: a few words to look for; everything if left out.
    """
    facts = api.records.facts
    if not facts.list(1):
        return "Nothing has been remembered about the user yet."
    about = "" if about.strip().lower() in _EVERYTHING else about.strip()
    found = facts.search(about, _MOST_RECALLED) if about else []
    head = f"Remembered about {about!r}:"
    if not found:
        found = facts.list(_MOST_RECALLED)
        head = f"{'Nothing fits these words. ' if about else ''}Remembered, newest first:"
    more = "" if len(found) < _MOST_RECALLED else "\n(There may be more: say what about.)"
    return "\n".join([head, *(f"- {fact.text}" for fact in found)]) + more


@tool(permission="write")
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
