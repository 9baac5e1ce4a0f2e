"""A conversation that is saved as it goes on.

Owns when a conversation is written, and what becomes of one that somebody else
deleted or went on with meanwhile. How it is stored belongs to ``airunner.records``.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Literal

from airunner.agent.conversation import Conversation
from airunner.messages import Content, Message
from airunner.records.conversations import Conversations, Saved

Kept = Literal["saved", "deleted", "copied"]


class ConversationSaver:
    """Saves one conversation: before each turn, so that a crash keeps the question, and after.

    The conversation's id may change: see ``save``.
    """

    def __init__(self, store: Conversations, conversation: Conversation, revision: int = 0) -> None:
        self.conversation = conversation
        self._store, self._revision = store, revision

    @classmethod
    def resume(cls, store: Conversations, saved: Saved) -> ConversationSaver:
        """Go on with a conversation as it was saved."""
        conversation = Conversation(saved.id, list(saved.messages), saved.start, saved.preface)
        return cls(store, conversation, saved.revision)

    def save(self, question: Content | None = None) -> Kept:
        """Write what is new; ``question`` is what the next turn will begin with.

        Between two turns the conversation is always whole, whatever ended the last.

        Returns:
            ``"saved"``; or ``"deleted"``, if somebody has deleted it, when it stays so; or
            ``"copied"``, if another process has gone on with it: then this one is now
            a conversation of its own, with a new id, and the other is left as it is.

        Raises:
            StorageError: nothing was written; the next save writes it all.
        """
        asked = [] if question is None else [Message("user", question)]
        messages = [*self.conversation.messages, *asked]
        outcome = self._write(messages)
        if outcome == "deleted":
            return "deleted"
        copied = outcome == "changed elsewhere"
        if copied:
            other = self._store.entry(self.conversation.id)
            before = self.conversation.id
            self.conversation.id, self._revision = uuid.uuid4().hex, 0
            self._store.kept_files.copy(before, self.conversation.id)
            self._write(messages, title=f"{other.title} (copy)" if other else "")
        self._revision += 1
        return "copied" if copied else "saved"

    def save_so_far(self, messages: Sequence[Message]) -> None:
        """Write what a turn that runs has come to, so that a crash keeps it; ``save`` ends it.

        Nothing is written if the conversation was deleted, or has gone on elsewhere.

        Raises:
            StorageError: nothing was written.
        """
        if self._write(messages) == "saved":
            self._revision += 1

    def _write(self, messages: Sequence[Message], title: str = "") -> str:
        return self._store.save(
            self.conversation.id,
            messages,
            start=self.conversation.start,
            preface=self.conversation.preface,
            revision=self._revision,
            title=title,
        )
