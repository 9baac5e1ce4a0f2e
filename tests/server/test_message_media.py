"""A client's pictures stand where they stood among its words."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tests.tiny_png import RED

from airunner.errors import MediaError
from airunner.messages import Message, TextPart
from airunner.server.message_media import media_messages_of


def picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_pictures_and_words_keep_their_order() -> None:
    sent = picture("data:image/png;base64," + base64.b64encode(RED.data).decode())
    rows = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [text("What is"), sent, text(""), "this?"]},
        {"role": "assistant", "content": None},
        {"role": "tool", "tool_call_id": "c1", "content": [text("a"), text("b")]},
    ]
    assert media_messages_of(rows) == [
        Message("system", "Be brief."),
        Message("user", (TextPart("What is"), RED, TextPart("this?"))),
        Message("assistant"),
        Message("tool", "a\nb", tool_call_id="c1"),
    ]


@pytest.mark.parametrize("url", ["https://example.com/cat.png", "data:image/png,iVBO", "iVBO"])
def test_nothing_is_fetched(url: str) -> None:
    asked = [text("What is this?"), picture(url)]
    with pytest.raises(MediaError, match="no address is asked"):
        media_messages_of([{"role": "user", "content": asked}])
