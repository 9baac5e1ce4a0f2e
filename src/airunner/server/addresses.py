"""Addresses that are asked in a way of which no route knows.

Owns what is answered where a route takes other methods, HEAD wherever GET is served, and
addresses that nothing serves: in the form of the API that was asked. A page that lies under
everything (``ui.mount``) would answer them with HTML; only browsers are left to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airunner.server.problems import Problem, code_of

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_APIS = ("/v1", "/api")
_MOST_KNOWN, _LONGEST_KNOWN = 256, 64
"""As many addresses, of so many letters, are known as served without looking again."""


class Addresses:
    """The middleware; see the module's description."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._known: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through what a route serves."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        routes: Sequence[BaseRoute] = scope["app"].routes
        method = scope["method"]
        asked = (method, scope["path"])
        if asked in self._known or _serves(routes, scope, method):
            if len(self._known) < _MOST_KNOWN and len(scope["path"]) <= _LONGEST_KNOWN:
                self._known.add(asked)
            await self._app(scope, receive, send)
            return
        served = [each for each in _METHODS if _serves(routes, scope, each)]
        if method == "HEAD" and "GET" in served:
            await _without_body(self._app, scope, receive, send)
        elif served:
            allowed = [*served, *(["HEAD"] if "GET" in served else [])]
            await _problem(scope, 405, {"Allow": ", ".join(allowed)})(scope, receive, send)
        elif _is_for_page(routes, scope):
            await self._app(scope, receive, send)
        else:
            await _problem(scope, 404, {})(scope, receive, send)


def route_asked(scope: Scope) -> str:
    """The whole path of the route that an address belongs to, whatever the method; empty for none.

    For what was refused before it came to its route. FastAPI has the routes of a router that
    is included in another below that.
    """
    found = ""
    for route in _each(scope["app"].routes):
        below = getattr(route, "effective_route_contexts", None)
        for leaf in (route,) if below is None else below():
            match, path = leaf.matches(scope)[0], getattr(leaf, "path", "")
            if match is Match.FULL and path:
                return path
            if match is Match.PARTIAL:
                found = found or path
    return found


def _each(routes: Sequence[BaseRoute]) -> Iterator[BaseRoute]:
    """Every route; of what is mounted under everything, its own."""
    for route in routes:
        if isinstance(route, Mount) and route.path == "":
            yield from route.routes
        else:
            yield route


def _serves(routes: Sequence[BaseRoute], scope: Scope, method: str) -> bool:
    asked = {**scope, "method": method}
    return any(route.matches(asked)[0] is Match.FULL for route in _each(routes))


def _is_for_page(routes: Sequence[BaseRoute], scope: Scope) -> bool:
    """Whether a person's browser asks, and there is a page to say that nothing is here."""
    path = scope["path"]
    if any(path == api or path.startswith(f"{api}/") for api in _APIS):
        return False
    wants_html = "text/html" in Headers(scope=scope).get("accept", "")
    has_page = any(isinstance(route, Mount) and route.path == "" for route in routes)
    return wants_html and has_page and scope["method"] == "GET"


def _problem(scope: Scope, status: int, headers: dict[str, str]) -> ASGIApp:
    path = scope["path"]
    message = f"{scope['method']} {path} is not served here."
    response = Problem(status, message, code=code_of(status)).response(path)
    response.headers.update(headers)
    return response


async def _without_body(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer HEAD as GET would begin to; a stream that would never end is not waited for."""
    asked = {**scope, "method": "GET"}
    told = asyncio.Event()

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start" and not told.is_set():
            told.set()
            await send(message)
            await send({"type": "http.response.body", "body": b""})

    answered = asyncio.ensure_future(app(asked, receive, sent))
    begun = asyncio.ensure_future(told.wait())
    try:
        await asyncio.wait((answered, begun), return_when=asyncio.FIRST_COMPLETED)
        if answered.done():
            answered.result()
    finally:
        answered.cancel()
        begun.cancel()
        await asyncio.gather(answered, begun, return_exceptions=True)
        if "route" in asked:
            scope["route"] = asked["route"]
