"""Why a request is not let in, before any API has looked at it.

Owns the facts, and a form for servers whose protocol has none of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import JSONResponse, Response


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal. ``retry_after_s`` is set where waiting helps."""

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str | None = None
    retry_after_s: int | None = None


def as_json(refusal: Refusal, path: str) -> Response:
    """The refusal of a request for ``path``, in the form that most APIs have."""
    facts = {"message": refusal.message, "type": refusal.type, "param": None, "code": refusal.code}
    return JSONResponse({"error": facts}, refusal.status)
