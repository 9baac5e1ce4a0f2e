"""A picture or a recording in a part of a client's message, and what is none.

They come inside the request as base64: an address elsewhere would have this machine ask
for whatever a stranger names. Which model takes them is not asked here.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from airunner.errors import MediaError
from airunner.media import media_part
from airunner.messages import AudioPart, ImagePart


def asked_media(part: Any) -> ImagePart | AudioPart | None:
    """The picture or recording in a part of a message; ``None`` if it is text.

    Raises:
        MediaError: it is damaged, an address, or of another kind.
    """
    kind = part.get("type") if isinstance(part, Mapping) else "text"
    if kind == "image_url":
        return media_part(_data(_url(part)), "the picture")
    if kind == "input_audio":
        return media_part(_decoded(_field(part, kind, "data")), "the recording")
    if kind != "text":
        raise MediaError(f"a part of type {kind!r}", "no model here takes it")
    return None


def _url(part: Mapping[str, Any]) -> str:
    url = part.get("image_url")
    return url if isinstance(url, str) else _field(part, "image_url", "url")


def _field(part: Mapping[str, Any], kind: str, name: str) -> str:
    inner = part.get(kind)
    value = inner.get(name) if isinstance(inner, Mapping) else None
    return value if isinstance(value, str) else ""


def _data(url: str) -> bytes:
    head, _, data = url.partition(",")
    if not (head.startswith("data:") and head.endswith(";base64")):
        problem = "it has to come in the request, as data:image/png;base64,...; no address is asked"
        raise MediaError("the picture", problem)
    return _decoded(data)


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MediaError("a picture or recording", "it is no base64") from None
