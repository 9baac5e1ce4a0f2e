"""Messages of a client with their pictures and recordings, as the agent takes them.

Owns putting them back among the words; what is taken at all is ``asked_media``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airunner.engines.openai_form import messages_of, text_of
from airunner.messages import Content, Message, TextPart, content_of
from airunner.server.asked_media import asked_media


def media_messages_of(rows: Sequence[Mapping[str, Any]]) -> list[Message]:
    """The messages of a request's ``rows``.

    Raises:
        MediaError: a picture or a recording is none, or would have to be fetched.
    """
    pairs = zip(messages_of(rows), rows, strict=True)
    return [_with_media(message, row) for message, row in pairs]


def _with_media(message: Message, row: Mapping[str, Any]) -> Message:
    parts = row.get("content")
    return replace(message, content=_content(parts)) if isinstance(parts, list) else message


def _content(parts: Sequence[Any]) -> Content:
    found = [asked_media(part) or TextPart(text_of([part])) for part in parts]
    return content_of([part for part in found if part != TextPart("")])
