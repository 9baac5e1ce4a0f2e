"""What goes wrong, as each API tells it.

Owns the HTTP status, kind and facts of every error, and the form of an error's body in
each API. A path that nothing serves is told in the same form, so that no client takes us
for another server.
"""

from __future__ import annotations

import errno
import logging
import math
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from airunner.access.refusal import Refusal
from airunner.errors import (
    AiRunnerError,
    CatalogError,
    ContextOverflowError,
    ConversationBusyError,
    DeviceNotFoundError,
    DoesNotFitError,
    ForbiddenModelError,
    GenerationError,
    HubError,
    ImageRequestError,
    KeysError,
    LeaseEndedError,
    LeaseError,
    LeaseTimeoutError,
    MediaError,
    MediaNotSupportedError,
    MissingWeightsError,
    NotAManagerError,
    PictureUnreadableError,
    ServerStoppedError,
    SettingsError,
    StorageError,
    ToolError,
    UnknownModelError,
    UnknownRecordError,
    UnknownResponseError,
    UnknownToolError,
    UnmappedCapabilityError,
    UnusableRecordError,
    WeightsError,
    WorkerDiedError,
)

RETRY_AFTER_S = 5
"""What a client is told to wait where nothing better is known, in seconds."""
MOST_RETRY_S = 60

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_TEMPORARY_FOLDER = "No usable temporary directory"
"""What ``tempfile`` says that can write nowhere, as on a disk that was full from the start."""
_TEMPORARY_FILES = "temporary files"
_MOST_CAUSES = 10

_log = logging.getLogger(__name__)
# By class, the first that fits: HTTP status, OpenAI's type and code.
_KINDS: tuple[tuple[type[AiRunnerError], int, str, str], ...] = (
    (UnknownResponseError, 404, "invalid_request_error", "response_not_found"),
    (ForbiddenModelError, 403, "permission_error", "model_not_allowed"),
    (NotAManagerError, 403, "permission_error", "not_a_manager"),
    (UnknownModelError, 404, "invalid_request_error", "model_not_found"),
    (UnmappedCapabilityError, 404, "invalid_request_error", "model_not_found"),
    (CatalogError, 400, "invalid_request_error", "model_not_usable"),
    (MissingWeightsError, 404, "invalid_request_error", "model_not_downloaded"),
    (HubError, 503, "server_error", "hub"),
    (WeightsError, 500, "server_error", "weights_not_usable"),
    (UnknownRecordError, 404, "invalid_request_error", "not_found"),
    (UnusableRecordError, 400, "invalid_request_error", "invalid_value"),
    (KeysError, 400, "invalid_request_error", "key"),
    (PictureUnreadableError, 422, "invalid_request_error", "picture_unreadable"),
    (ConversationBusyError, 409, "invalid_request_error", "conversation_busy"),
    (DeviceNotFoundError, 400, "invalid_request_error", "device_not_found"),
    (ContextOverflowError, 400, "invalid_request_error", "context_length_exceeded"),
    (DoesNotFitError, 422, "insufficient_memory", "does_not_fit"),
    (LeaseEndedError, 404, "invalid_request_error", "lease_ended"),
    (LeaseError, 503, "overloaded_error", "no_capacity"),
    (ServerStoppedError, 503, "server_error", "server_stopped"),
    (MediaError, 400, "invalid_request_error", "media"),
    (MediaNotSupportedError, 400, "invalid_request_error", "media_not_supported"),
    (ImageRequestError, 400, "invalid_request_error", "image_request"),
    (UnknownToolError, 404, "invalid_request_error", "tool_not_found"),
    (ToolError, 400, "invalid_request_error", "tool"),
    (SettingsError, 400, "invalid_request_error", "setting"),
    (StorageError, 507, "server_error", "storage"),
    (WorkerDiedError, 500, "server_error", "worker_died"),
    (GenerationError, 400, "invalid_request_error", "generation"),
)
_FACTS = (
    *("needed_bytes", "free_bytes", "budget_bytes", "deficit_bytes", "device"),
    *("waited_s", "eta_s"),
)
_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One error for a client. ``retry_after_s`` is set where waiting may help."""

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    retry_after_s: int | None = None

    def body(self, path: str) -> dict[str, Any]:
        """The error's body as the API at ``path`` writes it."""
        if path.startswith("/v1/messages"):
            kind = _ANTHROPIC_TYPES.get(self.status, "api_error")
            return {"type": "error", "error": {"type": kind, "message": self.message, **self.facts}}
        if path.startswith("/api/") and not path.startswith("/api/v1"):
            return {"error": self.message, **self.facts}
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": {**error, **self.facts}}

    def response(self, path: str) -> JSONResponse:
        """The whole HTTP response."""
        wait = self.retry_after_s
        headers = {} if wait is None else {"Retry-After": str(wait)}
        return JSONResponse(self.body(path), self.status, headers)


def problem_of(error: BaseException) -> Problem:
    """What a client is told of ``error``. One that is not ours is logged and not shown."""
    if (full := _full_disk(error)) is not None:
        error = full
    for kind, status, type_, code in _KINDS:
        if isinstance(error, kind):
            facts = {name: getattr(error, name) for name in _FACTS if hasattr(error, name)}
            if isinstance(error, ContextOverflowError):  # as llama-server names them
                facts = {"n_prompt_tokens": error.prompt_tokens, "n_ctx": error.n_ctx}
            return Problem(status, str(error), type_, code, None, facts, _retry_after_s(error))
    if isinstance(error, AiRunnerError):
        return Problem(500, str(error), "server_error", "internal")
    _log.error("A request failed", exc_info=error)
    return Problem(500, "AI Runner failed; its log says more.", "server_error", "internal")


def _full_disk(error: BaseException | None) -> StorageError | None:
    """The full disk that ``error`` comes from, as where the framework kept a body in a file."""
    for _ in range(_MOST_CAUSES):
        if isinstance(error, OSError) and error.errno in _FULL:
            return StorageError(error.filename or _TEMPORARY_FILES, str(error.strerror))
        if isinstance(error, FileNotFoundError) and _NO_TEMPORARY_FOLDER in str(error):
            advice = "Free some space, or let TMPDIR name a folder that can be written."
            return StorageError(_TEMPORARY_FILES, "no folder takes any", advice=advice)
        if error is None or isinstance(error, AiRunnerError):
            break
        error = error.__cause__ or error.__context__
    return None


def told_refusal(refusal: Refusal, path: str) -> JSONResponse:
    """What the guard refuses, in the form of the API at ``path``."""
    problem = Problem(refusal.status, refusal.message, refusal.type, refusal.code)
    return problem.response(path)


def _retry_after_s(error: AiRunnerError) -> int | None:
    if not isinstance(error, LeaseError) or isinstance(error, LeaseEndedError):
        return None
    if isinstance(error, LeaseTimeoutError):
        wait_s: float | None = error.waited_s
    else:
        wait_s = getattr(error, "eta_s", None)
    return RETRY_AFTER_S if wait_s is None else max(1, min(MOST_RETRY_S, math.ceil(wait_s)))


def tell_problems(app: FastAPI) -> None:
    """Have ``app`` answer every error in the form of the API that was asked."""

    async def ours(request: Request, error: Exception) -> JSONResponse:
        return problem_of(error).response(request.url.path)

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        if _full_disk(error):
            return problem_of(error).response(request.url.path)
        message = f"{request.method} {request.url.path} is not served here."
        known = {404: message, 405: message}
        told = known.get(error.status_code, str(error.detail))
        problem = Problem(error.status_code, told, code=code_of(error.status_code))
        response = problem.response(request.url.path)
        response.headers.update(error.headers or {})
        return response

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        if first["type"] == "json_invalid":  # its place is a number of characters, no field
            why, at = first["ctx"]["error"], first["loc"][-1]
            message = f"The body is not JSON, at character {at}: {why}."
            return Problem(400, message, code="invalid_json").response(request.url.path)
        if isinstance(given := first.get("input"), float) and not math.isfinite(given):
            first["msg"] = "Input should be a finite number"
        elif first["type"] == "value_error":  # our own sentence, which pydantic puts a name before
            first["msg"] = str(first["ctx"]["error"])
        place = ".".join(str(step) for step in first["loc"] if step not in ("body", "query"))
        message = f"{place}: {first['msg']}" if place else str(first["msg"])
        problem = Problem(400, message, param=place or None, code="invalid_value")
        return problem.response(request.url.path)

    app.add_exception_handler(AiRunnerError, ours)
    # A full disk is no fault of ours, so that no traceback is logged and the connection is kept.
    app.add_exception_handler(OSError, ours)
    app.add_exception_handler(Exception, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)


def code_of(status: int) -> str | None:
    """OpenAI's code of a status that needs no other explanation."""
    return {
        401: "invalid_api_key",
        404: "not_found",
        405: "method_not_allowed",
        408: "slow_body",
        413: "body_too_large",
    }.get(status)
