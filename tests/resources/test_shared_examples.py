"""Conversations that begin with the same examples are not taken for each other."""

from __future__ import annotations

from collections.abc import Sequence

from airunner.messages import Message
from airunner.resources.known_conversations import KnownConversations

EXAMPLES = [
    Message("system", "Write code."),
    Message("user", "Change the greeting."),
    Message("assistant", "It is changed."),
]
ANSWER = Message("assistant", "Done.")


def asked(known: KnownConversations, messages: Sequence[Message]) -> str:
    """Answer ``messages``; the conversation's id."""
    with known.going_on("a/model", messages, {}) as conversation:
        known.answered(conversation, ANSWER)
        return conversation.id


def files(name: str) -> list[Message]:
    return [*EXAMPLES, Message("user", f"The file {name}."), Message("assistant", "I see it.")]


def test_examples_alone_are_no_conversation() -> None:
    known = KnownConversations()
    first = asked(known, [*files("a.py"), Message("user", "Add a test.")])
    assert asked(known, [*files("b.py"), Message("user", "Add a test.")]) != first


def test_a_question_that_was_worded_otherwise_goes_on_all_the_same() -> None:
    known = KnownConversations()
    first = asked(known, [*files("a.py"), Message("user", "Add a test. Answer in a list.")])
    later = [*files("a.py"), Message("user", "Add a test."), ANSWER, Message("user", "And then?")]
    assert asked(known, later) == first
