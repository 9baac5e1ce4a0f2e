"""What is known of conversations has an end: the oldest are forgotten."""

from __future__ import annotations

from airunner.messages import Message
from airunner.resources.known_conversations import MOST_KNOWN, KnownConversations, chain
from airunner.resources.prefixes import Prefixes

HI = [Message("user", "hi")]


def test_the_oldest_is_forgotten_unless_it_is_in_use() -> None:
    known = KnownConversations()
    with known.going_on("m", HI, {}) as oldest:
        known.answered(oldest, Message("assistant", "Hello."))
        for number in range(MOST_KNOWN):
            known.recall(str(number), "m", (number.to_bytes(4),))
        assert known.find(oldest.id) is oldest
        assert known.find("0") is None
        assert known.find("1") is not None
    known.recall("0", "m", (b"0",))
    assert known.find(oldest.id) is None
    with known.going_on("m", HI, {}) as another:
        assert another.id != oldest.id


def test_the_prompts_that_were_answered_longest_ago_are_forgotten() -> None:
    prefixes, links = Prefixes(), chain("m", HI, {})
    for number in range(MOST_KNOWN):
        prefixes.recall("m", str(number), links)
    prefixes.recall("m", "0", links)
    prefixes.recall("m", "new", links)
    assert prefixes.said("m", "1") == ()
    assert prefixes.said("m", "0") == prefixes.said("m", "new") == links
