"""What the OpenAPI document says of answers that no route's signature tells.

Owns the media types beside JSON, and the errors of each API. Both are for programs that read
the document; what is sent is the routes' and ``problems``'.
"""

from __future__ import annotations

from typing import Any

from airunner.server.streams import NDJSON, SSE

Responses = dict[int | str, dict[str, Any]]

_REFUSED = "What was asked is refused, and why."
_FAILED = "AI Runner failed, or has no room now; with 503 comes `Retry-After` where waiting helps."
_TEXT = {"type": "string"}


def also(*media_types: str) -> Responses:
    """An answer that may be of ``media_types``, too."""
    return {200: {"content": {each: {} for each in media_types}}}


def _errors(properties: dict[str, Any]) -> Responses:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    content = {"application/json": {"schema": schema}}
    return {
        "4XX": {"description": _REFUSED, "content": content},
        "5XX": {"description": _FAILED, "content": content},
    }


def _error(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


STREAMED = also(SSE)
LINES = also(NDJSON)
FILE = also("*/*")
OPENAI_ERRORS = _errors(
    {
        "error": _error(
            message=_TEXT,
            type=_TEXT,
            param={"type": ["string", "null"]},
            code={"type": ["string", "null"]},
        )
    }
)
"""Also those of the native API, which add the error's class and fields."""
ANTHROPIC_ERRORS = _errors({"type": {"const": "error"}, "error": _error(type=_TEXT, message=_TEXT)})
OLLAMA_ERRORS = _errors({"error": _TEXT})
