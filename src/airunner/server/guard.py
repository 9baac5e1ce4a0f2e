"""Who may speak to the server at all.

Owns the checks that come before any route: the Host header (a name that another site
made point at this machine), the Origin (a page of another site in a browser), the key,
and how large and how slow a body may be. What a key may do is the ``visitor``'s to say,
and the routes ask it.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airunner.errors import AiRunnerError
from airunner.resources.visitor import Visitor, serving
from airunner.server.key_guesses import KeyGuesses
from airunner.server.problems import Problem, code_of, problem_of

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Served to everybody: whether the server is alive is no secret."""

MANAGED_PATHS = (
    *("/api/v1", "/api/pull", "/api/delete", "/api/create", "/api/copy", "/api/push"),
    "/models/unload",
)
"""What begins so is for keys that manage the server, with everything below it."""

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)
_ONCE = ("host", "origin", "authorization", "x-api-key", "content-length", "sec-fetch-site")
_CORS_METHODS = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
_CORS_AGE_S = "600"
_CLOSE = {"Connection": "close"}


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How a request's body may come. ``n_bytes`` has room for several pictures.

    Attributes:
        n_bytes: the largest body.
        pause_s: the longest pause while it comes.
        whole_s: the longest time until it is whole.
    """

    n_bytes: int = 64 * 2**20
    pause_s: float = 30.0
    whole_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Admission:
    """The rules.

    Attributes:
        hosts: names under which the server may be asked, beside those of this machine.
        any_address: whether it may be asked by any address of this machine in digits. No
            other site can have such a name, so this is safe where machines come from afar.
        origins: origins of pages that may use the API from a browser.
        key_required: whether every request needs a key; always so beyond loopback.
        find_key: the visitor that a key belongs to, ``None`` for none.
        body: how bodies may come.
    """

    hosts: Collection[str] = ()
    any_address: bool = False
    origins: Collection[str] = ()
    key_required: bool = False
    find_key: Callable[[str], Visitor | None] = field(default=lambda _: None)
    body: BodyLimits = field(default_factory=BodyLimits)


class Guard:
    """The middleware; see the module's description."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission
        self._guesses = KeyGuesses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] != "http":
            await self._let_in_socket(scope, headers, receive, send)
            return
        try:
            found = self._refusal(scope, headers) or self._visitor(scope, headers)
        except AiRunnerError as error:  # the keys cannot be read, so nobody is let in
            found = problem_of(error).response(scope["path"])
        if not isinstance(found, Visitor):
            found.headers.update(_CLOSE)  # a body that may follow is not read
            await found(scope, receive, send)
            return
        origin = headers.get("origin")

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and origin:
                message["headers"] = [*message["headers"], *_cors(origin)]
            await send(message)

        scope.setdefault("state", {})["key"] = found.name
        if not found.manages and _is_managed(scope["path"]):
            message = f"The key {found.name!r} may not manage this server: `keys add --manage`."
            problem = Problem(403, message, "permission_error", "not_a_manager")
            await problem.response(scope["path"])(scope, receive, send)
            return
        bounded = _BoundedBody(receive, self._admission.body)
        try:
            with serving(found):
                await self._app(scope, bounded, sent)
        except HTTPException as error:
            code = code_of(error.status_code)
            response = Problem(error.status_code, error.detail, code=code).response(scope["path"])
            response.headers.update(_CLOSE)
            await response(scope, receive, sent)

    async def _let_in_socket(
        self, scope: Scope, headers: Headers, receive: Receive, send: Send
    ) -> None:
        """A page of ours keeps a websocket open; its browser always says which page it is."""
        try:
            asked = {**scope, "method": "GET"}
            found = self._refusal(asked, headers) or self._visitor(asked, headers)
        except AiRunnerError:
            found = None
        if not isinstance(found, Visitor) or not found.manages or "origin" not in headers:
            await send({"type": "websocket.close"})
            return
        with serving(found):
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Why nobody may ask this, or what a browser is told before it asks."""
        path, rules = scope["path"], self._admission
        if twice := next((name for name in _ONCE if len(headers.getlist(name)) > 1), None):
            return Problem(400, f"There are several {twice} headers.", code="header").response(path)
        name = host_name(headers.get("host", ""))
        if name not in _LOCAL_NAMES and name not in rules.hosts and not self._is_address(name):
            known = f"This server does not go by the name {name!r}; --name {name} gives it that."
            message = known if name else "The Host header is missing, or is no name."
            return Problem(403, message, "permission_error", "host").response(path)
        origin = headers.get("origin")
        if not self._is_welcome(origin, headers):
            message = (
                f"A page of {origin or 'another site'} may not use this server. "
                "Start it with --allow-origin to let it."
            )
            return Problem(403, message, "permission_error", "origin").response(path)
        if scope["method"] == "OPTIONS" and origin and "access-control-request-method" in headers:
            return _preflight(origin, headers)
        if (length := headers.get("content-length")) and not self._is_allowed(length):
            code = "body_too_large"
            return Problem(413, _too_large(rules.body), code=code).response(path)
        return None

    def _visitor(self, scope: Scope, headers: Headers) -> Visitor | Response:
        path, rules = scope["path"], self._admission
        key = key_in(headers)
        if not rules.key_required:
            return rules.find_key(key) or Visitor()
        if path in OPEN_PATHS:
            return Visitor()
        address = (scope.get("client") or ("",))[0]
        if key and (wait_s := self._guesses.wait_s(address)):
            message = "Too many wrong keys came from this address."
            facts = (429, message, "rate_limit_error", "too_many_wrong_keys")
            return Problem(*facts, retry_after_s=math.ceil(wait_s)).response(path)
        visitor = rules.find_key(key) if key else None
        if visitor is not None:
            self._guesses.right(address)
            return visitor
        if key:
            self._guesses.wrong(address)
        message = "This server needs a key: `airunner keys add NAME` on its machine makes one."
        return Problem(401, message, "authentication_error", "invalid_api_key").response(path)

    def _is_address(self, name: str) -> bool:
        if not self._admission.any_address:
            return False
        try:
            return bool(ip_address(name))
        except ValueError:
            return False

    def _is_welcome(self, origin: str | None, headers: Headers) -> bool:
        if origin is None:
            # Browsers send no Origin where a page of another site shows our pictures.
            return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        own = origin.partition("://")[2] == headers.get("host")
        return own or origin in self._admission.origins or "*" in self._admission.origins

    def _is_allowed(self, length: str) -> bool:
        digits = length.isascii() and length.isdecimal() and len(length) <= 20
        return digits and int(length) <= self._admission.body.n_bytes


def _is_managed(path: str) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in MANAGED_PATHS)


def key_in(headers: Headers) -> str:
    """The key that a request carries, as OpenAI's or Anthropic's clients send it."""
    kind, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets, in lower case; empty if it is none."""
    if not _HOST.fullmatch(host):
        return ""
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

    def __init__(self, receive: Receive, limits: BodyLimits) -> None:
        self._receive = receive
        self._limits = limits
        self._ends_s = time.monotonic() + limits.whole_s
        self._bytes = 0
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        left_s = min(self._limits.pause_s, self._ends_s - time.monotonic())
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                message = await self._receive()
        except TimeoutError:
            raise _refused(408, "The body of the request came too slowly, or not at all.") from None
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._bytes > self._limits.n_bytes:
            raise _refused(413, _too_large(self._limits))
        return message


def _too_large(limits: BodyLimits) -> str:
    return f"The body may have {limits.n_bytes:,} bytes at most."


def _refused(status: int, message: str) -> HTTPException:
    """What ends the reading of a body; routes' readers let this kind of error through."""
    return HTTPException(status, message, _CLOSE)


def _preflight(origin: str, headers: Headers) -> Response:
    response = PlainTextResponse("")
    response.headers.update(
        {key.decode(): value.decode("latin-1") for key, value in _cors(origin)}
        | {"Access-Control-Allow-Methods": _CORS_METHODS, "Access-Control-Max-Age": _CORS_AGE_S}
        | {"Access-Control-Allow-Headers": headers.get("access-control-request-headers", "")}
    )
    if "access-control-request-private-network" in headers:
        response.headers["Access-Control-Allow-Private-Network"] = "true"
    return response


def _cors(origin: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-origin", origin.encode("latin-1", "replace")),
        (b"access-control-expose-headers", b"*"),
        (b"vary", b"Origin"),
    ]
