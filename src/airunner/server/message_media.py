"""Messages of a client with their pictures and recordings, as the agent takes them.

Owns reading them out of a request: they come within it, as base64. Nothing is fetched from
an address that a client names.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airunner.engines.openai_form import messages_of
from airunner.errors import MediaError
from airunner.media import media_part
from airunner.messages import AudioPart, Content, ImagePart, Message, Part, TextPart, content_of

_DATA = "data:"


def media_messages_of(rows: Sequence[Mapping[str, Any]]) -> list[Message]:
    """The messages of a request's ``rows``, every system message in the first one.

    Raises:
        MediaError: a picture or a recording is none, or would have to be fetched.
    """
    messages = messages_of(rows)
    first = len(messages) - sum(row["role"] not in ("system", "developer") for row in rows)
    others = [row for row in rows if row["role"] not in ("system", "developer")]
    return [
        *messages[:first],
        *(
            replace(message, content=_content(row["content"]))
            if isinstance(row.get("content"), list)
            else message
            for message, row in zip(messages[first:], others, strict=True)
        ),
    ]


def _content(parts: Sequence[Any]) -> Content:
    return content_of([part for each in parts if (part := _part(each)) is not None])


def _part(part: Any) -> Part | None:
    if isinstance(part, str):
        return TextPart(part)
    if part.get("type") == "image_url":
        source = part.get("image_url") or {}
        return _media(source if isinstance(source, str) else source.get("url") or "")
    if part.get("type") == "input_audio":
        return _decoded((part.get("input_audio") or {}).get("data") or "", "the recording")
    return TextPart(part["text"]) if part.get("text") else None


def _media(url: str) -> ImagePart | AudioPart:
    if not url.startswith(_DATA):
        raise MediaError("the picture", "only its address was sent; send it as a data: URL")
    return _decoded(url.partition(",")[2], "the picture")


def _decoded(text: str, name: str) -> ImagePart | AudioPart:
    try:
        data = b64decode(text, validate=False)
    except (binascii.Error, ValueError) as error:
        raise MediaError(name, f"its base64 is damaged ({error})") from error
    return media_part(data, name)
