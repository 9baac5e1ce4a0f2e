"""Who may speak to the server at all.

Owns the checks that come before any route: the Host header (a name that another site
made point at this machine), the Origin (a page of another site in a browser), the key,
and how large and how slow a body may be. Rights of a key beyond that are the routes'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airunner.errors import BodyRefusedError
from airunner.server.problems import Problem

BODY_BYTES = 64 * 2**20
"""The largest body, in bytes: a conversation with several pictures in it."""
BODY_WAIT_S = 30.0
"""The longest pause while a body arrives, in seconds."""

_TOO_LARGE = f"The body may have {BODY_BYTES:,} bytes at most."

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Served to everybody: whether the server is alive is no secret."""

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_CORS_METHODS = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
_CORS_AGE_S = "600"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a request comes from. ``name`` is that of its key, empty without one."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """The rules.

    Attributes:
        hosts: names under which the server may be asked, beside those of this machine.
        origins: origins of pages that may use the API from a browser.
        key_required: whether every request needs a key; always so beyond loopback.
        find_key: the visitor that a key belongs to, ``None`` for none.
    """

    hosts: Collection[str] = ()
    origins: Collection[str] = ()
    key_required: bool = False
    find_key: Callable[[str], Visitor | None] = field(default=lambda _: None)


class Guard:
    """The middleware; see the module's description."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = self._refusal(scope, headers)
        if refused is not None:
            await refused(scope, receive, send)
            return
        origin = headers.get("origin")
        bounded = _BoundedBody(receive)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and origin:
                message["headers"] = [*message["headers"], *_cors(origin)]
            await send(message)

        try:
            await self._app(scope, bounded, sent)
        except BodyRefusedError as error:
            problem = Problem(error.status, error.problem, code=error.code)
            response = problem.response(scope["path"])
            await response(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        path, rules = scope["path"], self._admission
        name = host_name(headers.get("host", ""))
        if name not in _LOCAL_NAMES and name not in rules.hosts:
            message = f"This server is not {name or 'without a name'}; start it with --host {name}."
            return Problem(403, message, "permission_error", "host").response(path)
        origin = headers.get("origin")
        if not self._is_welcome(origin, headers):
            message = (
                f"A page of {origin or 'another site'} may not use this server. "
                "Start it with --allow-origin to let it."
            )
            return Problem(403, message, "permission_error", "origin").response(path)
        if scope["method"] == "OPTIONS" and origin and "access-control-request-method" in headers:
            asked = headers.get("access-control-request-headers", "")
            response = PlainTextResponse("")
            response.headers.update(
                {key.decode(): value.decode() for key, value in _cors(origin)}
                | {"Access-Control-Allow-Methods": _CORS_METHODS}
                | {"Access-Control-Allow-Headers": asked, "Access-Control-Max-Age": _CORS_AGE_S}
            )
            return response
        visitor = rules.find_key(key_in(headers))
        if visitor is None and rules.key_required and path not in OPEN_PATHS:
            message = "This server needs a key: `airunner keys add NAME` on its machine makes one."
            return Problem(401, message, "authentication_error", "invalid_api_key").response(path)
        if (length := headers.get("content-length")) and not _is_allowed(length):
            return Problem(413, _TOO_LARGE, code="body_too_large").response(path)
        scope.setdefault("state", {})["visitor"] = visitor or Visitor()
        return None

    def _is_welcome(self, origin: str | None, headers: Headers) -> bool:
        if origin is None:
            # Browsers send no Origin where a page of another site shows our pictures.
            return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        own = urlsplit(origin).netloc == headers.get("host")
        return own or origin in self._admission.origins or "*" in self._admission.origins


def visitor_of(request: Request) -> Visitor:
    """Who a request that was let through comes from."""
    visitor: Visitor = request.state.visitor
    return visitor


def key_in(headers: Headers) -> str:
    """The key that a request carries, as OpenAI's or Anthropic's clients send it."""
    kind, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets, in lower case."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address to listen at."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class _BoundedBody:
    """Receives a request's body, as long as it is neither too large nor too slow."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(BODY_WAIT_S):
                message = await self._receive()
        except TimeoutError:
            slow = f"No more of the body came within {BODY_WAIT_S:.0f} s."
            raise BodyRefusedError(slow, 408, "slow_body") from None
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._bytes > BODY_BYTES:
            raise BodyRefusedError(_TOO_LARGE, 413, "body_too_large")
        return message


def _is_allowed(length: str) -> bool:
    return length.isascii() and length.isdecimal() and int(length[:20]) <= BODY_BYTES


def _cors(origin: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-origin", origin.encode("latin-1", "replace")),
        (b"access-control-expose-headers", b"*"),
        (b"vary", b"Origin"),
    ]
