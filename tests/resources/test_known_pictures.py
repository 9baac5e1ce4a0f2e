"""A conversation is recognised by its pictures, too."""

from __future__ import annotations

from tests.tiny_png import GREEN, RED

from airunner.messages import ImagePart, Message, TextPart
from airunner.resources.known_conversations import chain


def test_the_same_picture_is_the_same_conversation_and_another_is_not() -> None:
    def links(*parts: ImagePart | TextPart) -> tuple[object, ...]:
        return chain("m", [Message("user", parts)], {})

    words = TextPart("What is this?")
    assert links(RED, words) == links(ImagePart(RED.data, "image/png"), TextPart("What is this? "))
    assert len({links(RED, words), links(GREEN, words), links(words, RED), links(words)}) == 4
