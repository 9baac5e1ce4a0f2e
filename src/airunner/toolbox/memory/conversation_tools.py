"""Tools for saved conversations: finding, naming, summarising, changing to and deleting them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.media import in_words
from airunner.messages import Message
from airunner.models.spec import ModelCapability
from airunner.records.conversation_rows import Entry
from airunner.records.conversations import MOST_TITLE
from airunner.toolbox.memory.named_record import MOST_WANTED, all_meant, one_meant
from airunner.toolbox.text.summary import summarize
from airunner.tools.tool import tool

_SHORT_ID = 8
THIS_ONE = re.compile(
    r"\b(?:this|the current|our current|the present)\s+(?:conversation|chat|one)\b", re.IGNORECASE
)
"""How the conversation that is being held is spoken of."""

_Name = Annotated[str, Field(max_length=MOST_WANTED)]


@tool(permission="read")
def search_conversations(
    query: _Name = "",
    limit: Annotated[int, Field(ge=1, le=50)] = 10,
    api: Any = None,
) -> str:
    """Search what was said in earlier conversations, or list them.

    Args:
        query: a few words to look for; empty to list them, the latest first.
        limit: the most conversations to show.
    """
    store = api.records.conversations
    if not query.strip():
        return _latest(limit, api)
    found = store.search(query, limit, besides=api.conversation)
    if not found:
        return f"Nobody has said {query!r} in another saved conversation."
    lines = []
    for each in found:
        lines += [_line(each.entry, api), f"  {' '.join(each.excerpt.split())}"]
    return "\n".join(lines)


@tool(permission="write")
def title_conversation(
    title: Annotated[str, Field(max_length=MOST_TITLE)],
    conversation: _Name = "",
    api: Any = None,
) -> str:
    """Give a saved conversation another title.

    Args:
        title: the new title, a few words.
        conversation: its present title or id; this conversation if left out.
    """
    if not title.strip():
        raise ToolRetryError("title is empty; give a few words.")
    entry = _meant(conversation, api, "title_conversation")
    store = api.records.conversations
    store.retitle(entry.id, title)
    now = store.entry(entry.id)
    if now is None:
        raise ToolRetryError("That conversation has just been deleted.")
    return f"The conversation {entry.title!r} is now called {now.title!r}."


@tool(permission="read", uses=(ModelCapability.SUMMARIZATION,))
def summarize_conversation(
    conversation: _Name = "",
    max_sentences: Annotated[int, Field(ge=1, le=12)] = 5,
    api: Any = None,
) -> str:
    """Summarize a saved conversation, by default the one that is being held.

    Args:
        conversation: its title or id, or words that were said in it; this one if left out.
        max_sentences: the most sentences that the summary may have.
    """
    entry = _meant(conversation, api, "summarize_conversation", by_words=True)
    saved = api.records.conversations.load(entry.id)
    messages = list(saved.messages) if saved else []
    if entry.id == api.conversation and messages and messages[-1].role == "user":
        messages.pop()  # the wish for this summary
    text = _transcript(messages)
    if not text:
        raise ToolFailedError("summarize_conversation", "nothing has been said in it yet")
    summary = summarize("summarize_conversation", text, max_sentences, api)
    return f"Of {entry.title!r}:\n{summary}"


@tool(permission="write")
def switch_conversation(conversation: _Name, api: Any = None) -> str:
    """Go on in another saved conversation from the next message on.

    Args:
        conversation: its title or id, or words that were said in it.
    """
    if not api.conversation:
        raise ToolFailedError("switch_conversation", "it works inside of a conversation only")
    entry = _meant(conversation, api, "switch_conversation", by_words=True)
    if entry.id == api.conversation:
        return f"This is the conversation {entry.title!r}; nothing had to be switched."
    api.switch_to(entry.id)
    return f"The user's next message belongs to the conversation {entry.title!r}."


@tool(permission="write")
def delete_conversation(
    conversation: _Name,
    also_this_one: bool = False,
    api: Any = None,
) -> str:
    """Delete a saved conversation for good.

    Args:
        conversation: its title or id.
        also_this_one: true if the user wants the conversation that is being held deleted.
    """
    entry = _meant(conversation, api, "delete_conversation")
    if entry.id == api.conversation and not also_this_one:
        raise ToolRetryError(
            f"{entry.title!r} is this very conversation. If the user really wants it deleted, "
            "call again with also_this_one true."
        )
    if not api.records.conversations.delete(entry.id):
        raise ToolRetryError(f"The conversation {entry.title!r} is gone already.")
    if entry.id == api.conversation:
        return (
            f"Deleted this conversation, {entry.title!r}. It ends with this answer, and the "
            "user's next message begins another."
        )
    return f"Deleted the conversation {entry.title!r}."


def _latest(limit: int, api: Any) -> str:
    store = api.records.conversations
    entries = store.list(limit)
    if not entries:
        return "No conversation is saved."
    lines = [_line(entry, api) for entry in entries]
    left = store.count() - len(entries)
    if left > 0:
        lines.append(f"and {left} earlier ones; a larger limit or a query finds them.")
    return "\n".join(lines)


def _meant(conversation: str, api: Any, tool_name: str, *, by_words: bool = False) -> Entry:
    """The conversation that is named, or the present one if none is.

    ``by_words`` also finds one by what was said in it, which is too loose for a change.
    """
    store = api.records.conversations
    wanted = conversation.strip()
    if not wanted or THIS_ONE.search(wanted):
        present: Entry | None = store.entry(api.conversation) if api.conversation else None
        if present is None:
            raise ToolFailedError(
                tool_name,
                "this conversation is not saved; `airunner chat` saves one, and "
                "`airunner chat -p` with --continue or --conversation",
            )
        return present
    by_id: Sequence[Entry] = [
        entry
        for word in re.findall(r"\b[0-9a-f]{4,32}\b", wanted.lower())
        for entry in store.with_prefix(word)
    ]
    if len(by_id) == 1:
        return by_id[0]
    entries: Sequence[Entry] = store.list()
    if by_words and not all_meant(wanted, entries, _title):
        found = store.search(wanted, 2, besides=api.conversation)
        if len(found) == 1:
            entry: Entry = found[0].entry
            return entry
    return one_meant(
        wanted,
        entries,
        _title,
        kind="conversation",
        listing="search_conversations",
        show=lambda entry: f"{entry.title} ({entry.id[:_SHORT_ID]})",
    )


def _title(entry: Entry) -> str:
    return entry.title


def _line(entry: Entry, api: Any) -> str:
    this = ", this one" if entry.id == api.conversation else ""
    when = f"{datetime.fromtimestamp(entry.updated_s):%Y-%m-%d %H:%M}"
    return f"- {entry.title} (id {entry.id[:_SHORT_ID]}, {when}, {_count(entry.messages)}{this})"


def _count(messages: int) -> str:
    return f"{messages} message{'' if messages == 1 else 's'}"


def _transcript(messages: Sequence[Message]) -> str:
    names = {"user": "User", "assistant": "Assistant"}
    return "\n\n".join(
        f"{names[message.role]}: {in_words(message.content).strip()}"
        for message in messages
        if message.role in names and in_words(message.content).strip()
    )
