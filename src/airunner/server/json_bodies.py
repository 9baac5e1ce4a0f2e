"""Bodies that would break whoever reads them.

Owns what happens to JSON before any route sees it: it is refused if it is nested deeper than
the readers on its way can follow (ours, and the engine's), and its text is made Unicode: an
escaped half of a surrogate pair is allowed by JSON and can be written nowhere, and some
clients send another encoding. U+FFFD stands for either. A body whose sender does not say what
it is, or says what ``curl -d`` says of everything, is JSON to the APIs, as it is to Ollama and
llama-server; a page of another origin gains nothing by it, as the guard refuses its requests.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import accumulate

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airunner.json_schema.plain import sound_escapes
from airunner.server.problems import Problem
from airunner.server.request_log import prompts

MOST_DEPTH = 100
"""The deepest nesting of arrays and objects."""

_APIS = ("/v1/", "/api/", "/models/")
_NO_KIND = ("", "application/x-www-form-urlencoded", "text/plain")
_LARGE = 2**20
_PIECE = 2**16
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # 1 and -1
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class SoundJson:
    """The middleware; see the module's description."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read a JSON body whole, and let it through if it is sound."""
        if scope["type"] != "http" or not _may_be_json(scope):
            await self._app(scope, receive, send)
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client has gone
            body += message.get("body", b"")
            more = message.get("more_body", False)
        whole = bytes(body)
        if prompts.isEnabledFor(logging.INFO):
            prompts.info("body", extra={"body": whole.decode(errors="replace")})
        small = len(whole) < _LARGE
        problem = problem_in(whole) if small else await asyncio.to_thread(problem_in, whole)
        if problem:
            refused = Problem(400, problem, code="invalid_json").response(scope["path"])
            await refused(scope, receive, send)
            return
        whole = sound_body(whole) if small else await asyncio.to_thread(sound_body, whole)
        if whole and _is_read_as_json(scope):
            headers = MutableHeaders(raw=list(scope["headers"]))
            headers["content-type"] = "application/json"
            scope["headers"] = headers.raw
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": whole, "more_body": False}

        await self._app(scope, again, send)


def problem_in(body: bytes) -> str:
    """What is wrong with a JSON text, empty if it can be read or is no JSON at all."""
    if body.count(b"[") + body.count(b"{") > MOST_DEPTH:
        # What no parser reads, since it stops at a sign before it, may be counted as it likes.
        outside = body.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2]
        brackets = b"".join(outside).translate(None, _NOT_BRACKETS)
        if _is_deep(brackets):
            return f"The body is nested deeper than {MOST_DEPTH}."
    return ""


def sound_body(body: bytes) -> bytes:
    """A JSON text in which every character is one."""
    body = sound_escapes(body)
    try:
        body.decode()
    except UnicodeDecodeError:
        if 0 not in body[:4]:  # UTF-16 and UTF-32 are read as such
            return body.decode("utf-8", "replace").encode()
    return body


def _is_deep(brackets: bytes) -> bool:
    """Whether brackets nest too deep, told from the first of them that do."""
    depth, steps = 0, memoryview(brackets.translate(_STEPS)).cast("b")
    for start in range(0, len(steps), _PIECE):
        depths = list(accumulate(steps[start : start + _PIECE], initial=depth))
        if max(depths) > MOST_DEPTH:
            return True
        depth = depths[-1]
    return False


def _may_be_json(scope: Scope) -> bool:
    """Whether it has a body that routes read as JSON; also one that does not say what it is."""
    kind = Headers(scope=scope).get("content-type", "")
    return scope["method"] in ("POST", "PUT", "PATCH", "DELETE") and "multipart/" not in kind


def _is_read_as_json(scope: Scope) -> bool:
    kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    return kind in _NO_KIND and scope["path"].startswith(_APIS)
