"""Every request by an id: in the log, in the metrics, and in the answer's headers.

Owns the id and what is told of a request once it has ended. Nothing that was said is in
the log, unless the server was started to log prompts.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airunner.server.addresses import route_asked

log = logging.getLogger("airunner.server.requests")
prompts = logging.getLogger("airunner.server.prompts")
prompts.setLevel(logging.CRITICAL)
CLIENT_CLOSED = 499
"""The status of a request whose client went before the answer was whole."""

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_current: ContextVar[str] = ContextVar("airunner_request", default="")

Count = Callable[[str, str, int, str, float], None]
"""Takes method, route, status, the key's name and seconds of a request that has ended."""


class RequestLog:
    """The middleware around all others; see the module's description."""

    def __init__(self, app: ASGIApp, count: Count) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and tell of it at its end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request = given if _ID.fullmatch(given) else uuid4().hex
        began_s, status, whole = time.perf_counter(), CLIENT_CLOSED, False

        async def sent(message: Message) -> None:
            nonlocal status, whole
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request.encode())]
            await send(message)
            whole = message["type"] == "http.response.body" and not message.get("more_body")

        token = _current.set(request)
        try:
            await self._app(scope, receive, sent)
        finally:
            seconds = time.perf_counter() - began_s
            status = status if whole else CLIENT_CLOSED
            key = scope.get("state", {}).get("key", "")
            route = route_of(scope) or route_asked(scope) or "other"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._count(method, route, status, key, seconds)
            facts = {
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "seconds": round(seconds, 4),
                "key": key,
                "client": (scope.get("client") or ("",))[0],
            }
            log.info("request", extra=facts)
            _current.reset(token)


def route_of(scope: Scope) -> str:
    """The whole path of the route that served a request, empty if none did.

    Where routers lie in each other, FastAPI's ``route`` has the path in the innermost alone.
    """
    found = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    return getattr(found, "path", "")


class JsonLines(logging.Formatter):
    """A log record as one line of JSON, with the id of the request that it belongs to."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "at_s": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request := _current.get():
            line["request"] = request
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_json(with_prompts: bool = False) -> None:
    """Write the whole log to stderr as lines of JSON, ``with_prompts`` also what was asked."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    for name in ("airunner", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO)
    prompts.setLevel(logging.INFO if with_prompts else logging.CRITICAL)
