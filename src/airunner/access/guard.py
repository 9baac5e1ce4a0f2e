"""Who may speak to a server at all, whatever it serves.

Owns the checks that come before any route: the Host header (a name that another site
made point at this machine), the Origin (a page of another site in a browser) and the key.
What a key may do is the ``visitor``'s to say, and the routes ask it; how a body may come is
``request_body``'s.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airunner.access.key_guesses import KeyGuesses
from airunner.access.key_watch import KeyGoneError, WatchedAnswer, WatchedSocket
from airunner.access.peer import OF_ANOTHER_USER
from airunner.access.refusal import Refusal, as_json
from airunner.access.request_body import CLOSE, BodyLimits, BoundedBody, read_away
from airunner.errors import AiRunnerError, NotAManagerError
from airunner.errors.pasted import pasted
from airunner.resources.visitor import Visitor, serving

ANOTHER_USER = Visitor("another user", tools=(), manages=False)
"""Who asks from this machine without a key, and is not the server's user."""

SIGN_IN = "/sign-in"
"""Where a person's browser is led that has no key; the page there is ``airunner.ui``'s."""
KEY_COOKIE = "airunner_key"

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)
_ONCE = ("host", "origin", "authorization", "x-api-key", "content-length", "sec-fetch-site")
_CORS_METHODS = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
_CORS_AGE_S = "600"
_BODY_CODES = {408: "slow_body", 413: "body_too_large"}
_WEB_PORTS = {"http": 80, "https": 443}


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
        open_paths: served to everybody, without a key.
        managed_paths: what begins so is for keys that manage the server, with what is below it.
        signs_in: whether a person's browser may give its key at ``SIGN_IN``, and then has it
            in a cookie.
        body: how bodies may come.
        how_to_get_in: what who has no key is told, in one sentence.
    """

    hosts: Collection[str] = ()
    any_address: bool = False
    origins: Collection[str] = ()
    key_required: bool = False
    find_key: Callable[[str], Visitor | None] = field(default=lambda _: None)
    open_paths: Collection[str] = ()
    managed_paths: Collection[str] = ()
    signs_in: bool = False
    body: BodyLimits = field(default_factory=BodyLimits)
    how_to_get_in: str = "This server needs a key."


class Guard:
    """The middleware; see the module's description.

    Args:
        respond: a refusal of a request for a path, in the form of the API that it is meant for.
    """

    def __init__(
        self,
        app: ASGIApp,
        admission: Admission,
        respond: Callable[[Refusal, str], Response] = as_json,
    ) -> None:
        self._app = app
        self._admission = admission
        self._respond = respond
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
            found = self._answer(
                scope["path"], Refusal(500, str(error), "server_error", "internal")
            )
        if not isinstance(found, Visitor):
            await read_away(headers, receive)
            found.headers.update(CLOSE)  # what else may follow is not read
            await found(scope, receive, send)
            return
        origin = headers.get("origin")
        if self._admission.key_required:
            send = WatchedAnswer(send, lambda: self._is_still(found, headers)).send

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and origin:
                message["headers"] = [*message["headers"], *_cors(origin)]
            await send(message)

        scope.setdefault("state", {})["key"] = found.name
        if not found.manages and self._is_managed(scope["path"]):
            refused = NotAManagerError("" if found is ANOTHER_USER else found.name)
            refusal = Refusal(403, str(refused), "permission_error", "not_a_manager")
            await self._answer(scope["path"], refusal)(scope, receive, send)
            return
        bounded = BoundedBody(receive, self._admission.body)
        try:
            with serving(found):
                await self._app(scope, bounded, sent if origin else send)
        except KeyGoneError:
            pass  # the answer has no end, which closes the connection
        except HTTPException as error:
            refusal = Refusal(
                error.status_code, error.detail, code=_BODY_CODES.get(error.status_code)
            )
            response = self._answer(scope["path"], refusal)
            response.headers.update(CLOSE)
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
        watched = WatchedSocket(receive, send, lambda: self._is_still(found, headers))
        with serving(found):
            await self._app(scope, watched.receive, watched.send)

    def _is_still(self, visitor: Visitor, headers: Headers) -> bool:
        """Whether a key that was needed to come in is known, with the same rights."""
        if not self._admission.key_required:
            return True
        try:
            return self._admission.find_key(self._key(headers)) == visitor
        except AiRunnerError:
            return False

    def _key(self, headers: Headers) -> str:
        return key_in(headers) or (_key_in_cookie(headers) if self._admission.signs_in else "")

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Why nobody may ask this, or what a browser is told before it asks."""
        path, rules = scope["path"], self._admission
        names = headers.keys()
        if len(set(names)) < len(names) and (twice := _twice(names)):
            return self._answer(
                path, Refusal(400, f"There are several {twice} headers.", code="header")
            )
        name = host_name(headers.get("host", ""))
        if name not in _LOCAL_NAMES and name not in rules.hosts and not self._is_address(name):
            flag = pasted("--name", name)
            known = f"This server does not go by the name {name!r}; {flag} gives it that."
            message = known if name else "The Host header is missing, or is no name."
            if "host" not in headers:
                return self._answer(path, Refusal(400, message, code="host"))
            return self._answer(path, Refusal(403, message, "permission_error", "host"))
        origin = headers.get("origin")
        if not self._is_welcome(origin, headers):
            message = (
                f"A page of {origin or 'another site'} may not use this server. "
                "Start it with --allow-origin to let it."
            )
            return self._answer(path, Refusal(403, message, "permission_error", "origin"))
        if scope["method"] == "OPTIONS" and origin and "access-control-request-method" in headers:
            return _preflight(origin, headers)
        if (length := headers.get("content-length")) and not rules.body.allows(length):
            code = "body_too_large"
            return self._answer(path, Refusal(413, rules.body.too_large, code=code))
        return None

    def _visitor(self, scope: Scope, headers: Headers) -> Visitor | Response:
        path, rules = scope["path"], self._admission
        key = self._key(headers)
        if not rules.key_required:
            return rules.find_key(key) or _user(scope)
        if path in rules.open_paths:
            return Visitor()
        address = (scope.get("client") or ("",))[0]
        visitor = rules.find_key(key) if key else None
        if visitor is not None:
            # Without a wait: others may share the address, and on this machine all do.
            self._guesses.right(address)
            return visitor
        if key and (wait_s := self._guesses.wait_s(address)):
            message = "Too many wrong keys came from this address."
            facts = (429, message, "rate_limit_error", "too_many_wrong_keys")
            return self._answer(path, Refusal(*facts, retry_after_s=math.ceil(wait_s)))
        if key:
            self._guesses.wrong(address)
        if rules.signs_in and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse(f"{SIGN_IN}?wrong" if key else SIGN_IN, 303)
        facts = (401, rules.how_to_get_in, "authentication_error", "invalid_api_key")
        return self._answer(path, Refusal(*facts))

    def _is_managed(self, path: str) -> bool:
        paths = self._admission.managed_paths
        return any(path == each or path.startswith(f"{each}/") for each in paths)

    def _answer(self, path: str, refusal: Refusal) -> Response:
        response = self._respond(refusal, path)
        if refusal.retry_after_s is not None:
            response.headers["Retry-After"] = str(refusal.retry_after_s)
        return response

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
        own = _is_of(origin, headers.get("host", ""))
        return own or origin in self._admission.origins or "*" in self._admission.origins


def _twice(names: Sequence[str]) -> str | None:
    """The first of the headers that come once in any request, and twice in this one."""
    return next((name for name in _ONCE if names.count(name) > 1), None)


def key_in(headers: Headers) -> str:
    """The key that a request carries, as OpenAI's or Anthropic's clients send it."""
    kind, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")


def _key_in_cookie(headers: Headers) -> str:
    return cookie_parser(headers.get("cookie", "")).get(KEY_COOKIE, "")


def _user(scope: Scope) -> Visitor:
    """Who asks without a key: the server's own user, or another one of this machine."""
    return ANOTHER_USER if scope.get("state", {}).get(OF_ANOTHER_USER) else Visitor()


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets, in lower case; empty if it is none."""
    if not _HOST.fullmatch(host):
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_of(origin: str, host: str) -> bool:
    """Whether the page at ``origin`` came from the server that is asked as ``host``."""
    try:
        page, asked = urlsplit(origin.lower()), urlsplit(f"//{host}")
        usual = _WEB_PORTS.get(page.scheme)
        ports = (page.port or usual, asked.port or usual)
    except ValueError:
        return False
    # An origin has no path and no user; a text that is longer than its parts is none.
    is_whole = origin.lower() == f"{page.scheme}://{page.netloc}"
    name = host_name(page.netloc)
    return is_whole and usual is not None and name == host_name(host) != "" and ports[0] == ports[1]


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
