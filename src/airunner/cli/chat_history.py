"""Which conversation ``airunner chat`` holds: a new one, an earlier one, or another from now on.

Owns the way between conversations and what is said about it. Saving belongs to
``airunner.agent.conversation_saver``, the prompt to ``chat``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import typer

from airunner.agent.conversation import Conversation, newest_exchange
from airunner.agent.conversation_saver import ConversationSaver
from airunner.cli.safe_text import safe
from airunner.errors import StorageError
from airunner.events import TurnFinished
from airunner.media import in_words
from airunner.messages import Content, Message
from airunner.records.attached_text import without_documents
from airunner.records.branches import families
from airunner.records.conversation_rows import Entry
from airunner.records.conversations import Conversations
from airunner.records.records import Records
from airunner.records.unfinished import unfinished, unfinished_lines

MOST_LISTED = 20
"""Conversations that ``/conversations`` shows."""

SHORT_ID = 8
"""Characters of an id that are shown; fewer suffice where no other begins so."""

_SHOWN_ANSWER = 300
_UNSAVED = "nothing of this conversation is saved yet"

_NUMBERED = len("*  1  ")


class Say(Protocol):
    """Shows a line to the user; what does not fit it is set off by ``indent`` columns."""

    def __call__(self, line: str, /, *, indent: int = 0) -> None:
        """Show it."""


class ChatHistory:
    """The conversation that is held, saved after each turn, and how to come to others.

    Args:
        records: where conversations are saved, and what is remembered beside them.
        system: instructions that each new conversation begins with.
        known: what is known of the user when a conversation begins.
        say: shows a line to the user.
        keeps: whether what is said is saved.
        recounts: whether it is shown where a conversation goes on.
    """

    def __init__(
        self,
        records: Records,
        system: str,
        say: Say,
        *,
        known: Callable[[], str] = str,
        keeps: bool = True,
        recounts: bool = True,
    ) -> None:
        self.keeps, self._recounts = keeps, recounts
        self._store, self._details = records.conversations, records.details
        self._system, self._say, self._known = system, say, known
        self._listed: Sequence[Entry] = []
        self._switch_to = self._told = ""
        self._place = 0
        self.begin()

    @property
    def conversation(self) -> Conversation:
        """The one that is held."""
        return self._keeper.conversation

    @property
    def system(self) -> str:
        """The instructions that this conversation began with."""
        return "".join(message.text for message in self.conversation.head)

    def begin(self, system: str | None = None) -> None:
        """Leave this conversation and begin another, and all later ones, with ``system``."""
        if system is not None:
            self._system = system
        self._keeper = ConversationSaver(
            self._store, Conversation.begin(self._system, self._known())
        )

    def go_on(self, wanted: str | None) -> None:
        """Hold the conversation that ``wanted`` names, or the last one if ``None``.

        Raises:
            typer.BadParameter: there is none, or several.
            StorageError: it cannot be read.
        """
        if wanted is None:
            latest = self._store.list(limit=1)
            if not latest:
                self._say("No conversation is saved yet; this begins the first.")
                return
            self._open(latest[0])
        else:
            self._open(self._find(wanted, "airunner conversations list"))

    # A turn.

    def before_turn(self, content: Content) -> None:
        """Save the question, so that nothing is lost if the turn is."""
        self._save(content)
        self._place = len(self.conversation.messages)
        if self.keeps:
            with suppress(StorageError):  # of a question that somebody else asked there
                self._details.forget(self.conversation.id, self._place)

    @property
    def holds_question(self) -> bool:
        """Whether what was asked last has come into the conversation."""
        return len(self.conversation.messages) > self._place

    def switch_after_turn(self, id: str) -> None:
        """A tool wants the next turn in another conversation."""
        self._switch_to = id

    def after_turn(self, finished: TurnFinished | None) -> None:
        """Save what the turn brought, and go where it leads; ``None`` was broken off.

        A turn that never began brought nothing: its question stays saved, without an answer,
        until another is asked in its place.
        """
        if self.holds_question:
            self._save(None)
            self._mark(finished)
        wanted, self._switch_to = self._switch_to, ""
        if wanted:
            try:
                self._open(conversation_named(self._store, wanted))
            except (typer.BadParameter, StorageError) as error:
                self._say(f"error: {error}")

    def _mark(self, finished: TurnFinished | None) -> None:
        """Remember of an answer that it is not finished, and why."""
        told: dict[str, Any] = {"outcome": "cancelled"}
        if finished is not None:
            told = {name: getattr(finished, name) for name in ("outcome", "problem", "cut_off")}
        if not self.keeps or not unfinished({self._place: told}):
            return
        with suppress(StorageError):  # saving the conversation has told it
            self._details.save(self.conversation.id, self._place, told)

    def _save(self, question: Content | None) -> None:
        if not self.keeps:
            return
        try:
            kept = self._keeper.save(question)
            if kept == "deleted":
                self._say("This conversation was deleted; another begins.")
                self.begin()
                if question is not None:
                    self._keeper.save(question)
            elif kept == "copied":
                self._say(
                    "Another chat has gone on with this conversation; here it goes on as a copy."
                )
        except StorageError as error:
            # Told once: the answer is worth more than the complaint, and the next save tries all.
            if self._told != str(error):
                self._told = str(error)
                self._say(f"warning: this conversation is not saved. {error}")

    # What the user asks for. Each may raise typer.BadParameter or StorageError.

    def list(self) -> None:
        """Show the latest conversations, numbered for ``switch`` and ``delete``."""
        self._listed = self._latest()
        if not self._listed:
            self._say("No conversation is saved yet.")
        for number, entry in enumerate(self._listed, start=1):
            here = "*" if entry.id == self.conversation.id else " "
            self._say(f"{here}{number:3}  {described(entry)}", indent=_NUMBERED)
        if len(self._listed) == MOST_LISTED:
            self._say("`airunner conversations list` shows them all.")

    def listed(self) -> Sequence[Entry]:
        """The latest conversations, as ``list`` would number them now."""
        try:
            return self._listed or self._latest()
        except StorageError:
            return ()

    def take_back(self) -> Content:
        """Forget the newest question with all that followed; what was asked.

        Raises:
            typer.BadParameter: nothing was asked yet.
        """
        conversation = self.conversation
        newest = newest_exchange(conversation.messages)
        if not newest or newest[0].role != "user":
            raise typer.BadParameter("nothing was asked in this conversation yet")
        del conversation.messages[-len(newest) :]
        self._details.forget(conversation.id, len(conversation.messages))
        conversation.start = min(conversation.start, len(conversation.messages))
        self._save(None)
        return newest[0].content

    def switch(self, wanted: str) -> None:
        """Hold another conversation: a number of the last list, or the beginning of an id."""
        if not wanted:
            raise typer.BadParameter("write which one: /switch NUMBER of /conversations, or ID")
        self._open(self._find(wanted))

    def retitle(self, title: str) -> None:
        """Give this conversation another title."""
        if not title:
            raise typer.BadParameter("write the title behind it: /title TEXT")
        if not self._store.retitle(self.conversation.id, title):
            raise typer.BadParameter(_UNSAVED)

    def delete(self, wanted: str, confirm: Callable[[str], bool]) -> None:
        """Delete a conversation, this one if none is named, after asking."""
        entry = self._find(wanted) if wanted else self._store.entry(self.conversation.id)
        if entry is None:
            raise typer.BadParameter(_UNSAVED)
        if not confirm(f"Delete {entry.title!r} ({counted(entry)}) for good?"):
            self._say("Nothing was deleted.")
            return
        self._store.delete(entry.id)
        if entry.id == self.conversation.id:
            self.begin()
        self._say(f"Deleted {entry.title!r}.")

    def _latest(self) -> Sequence[Entry]:
        """Of several versions of one only that which was talked in last."""
        return [versions[0] for versions in families(self._store.list()).values()][:MOST_LISTED]

    def _find(self, wanted: str, shown_by: str = "/conversations") -> Entry:
        if wanted.isdecimal() and len(wanted) < 4:
            listed = self._listed or self._latest()
            if 0 < int(wanted) <= len(listed):
                return listed[int(wanted) - 1]
        return conversation_named(self._store, wanted, shown_by)

    def _open(self, entry: Entry) -> None:
        saved = self._store.load(entry.id)
        if saved is None:
            raise typer.BadParameter(f"the conversation {entry.title!r} has just been deleted")
        self._keeper = ConversationSaver.resume(self._store, saved)
        if self._recounts:
            self._recount(entry, saved.messages)

    def _recount(self, entry: Entry, messages: Sequence[Message]) -> None:
        self._say(f"Going on with {described(entry)}")
        for message in newest_exchange(messages):
            said = without_documents(in_words(message.content)).strip()
            if message.role in ("user", "assistant") and said:
                sign = "> " if message.role == "user" else ""
                self._say(sign + safe(_shortened(said)))
        lines = unfinished_lines(messages, self._details.load(entry.id))
        if line := lines.get(len(messages) - 1):
            self._say(line)


def conversation_named(
    store: Conversations, wanted: str, shown_by: str = "airunner conversations list"
) -> Entry:
    """The conversation whose id is, or begins with, ``wanted``; ``shown_by`` lists all ids.

    Raises:
        typer.BadParameter: there is none, or several.
        StorageError: the records cannot be read.
    """
    found = store.with_prefix(wanted)
    if len(found) == 1:
        return found[0]
    if found:
        several = "\n".join(f"  {described(entry)}" for entry in found[:MOST_LISTED])
        raise typer.BadParameter(f"several conversations begin with {wanted!r}:\n{several}")
    raise typer.BadParameter(f"no conversation has the id {wanted!r}; `{shown_by}` shows them")


def described(entry: Entry) -> str:
    """A conversation on one line."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.updated_s))
    return f"{entry.id[:SHORT_ID]}  {when}  {entry.title} ({counted(entry)})"


def counted(entry: Entry) -> str:
    """How much was said in a conversation."""
    return f"{entry.messages} message{'' if entry.messages == 1 else 's'}"


def _shortened(text: str) -> str:
    if len(text) <= _SHOWN_ANSWER:
        return text
    shown = text[:_SHOWN_ANSWER]
    return f"{shown[: shown.rfind(' ')] if ' ' in shown else shown} …"
