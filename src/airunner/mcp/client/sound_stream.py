"""What a server sends, made sound before the protocol's own reader checks it.

Owns what servers get wrong and what becomes of it, so that a healthy server is never
given up for a sloppy message: half an emoji, a banner on stdout, a result without its
content, a block or a tool of another form. The reader would drop such a message, whose
call then waits to its limit, or refuse the whole result. Owns no connection.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from airunner.json_schema.item_count import count_items
from airunner.json_schema.plain import encodable, sound_escapes
from airunner.mcp.client.budget import MOST_MESSAGE_BYTES, MOST_MESSAGE_ITEMS
from airunner.tools.json_form import plain_text

if TYPE_CHECKING:
    import httpx2
    from mcp.shared.message import SessionMessage

_LONGEST_BANNER = 300
_TELL_NAME, _TELL_TOOLS = 80, 20
_MOST_REPLIES = 100
_ENDS_OF_EVENTS = (b"\n\n", b"\r\r", b"\r\n\r\n")
_BLOCKS: Mapping[str, tuple[str, ...]] = {
    "text": ("text",),
    "image": ("data", "mimeType"),
    "audio": ("data", "mimeType"),
    "resource_link": ("uri", "name"),
}
"""The texts without which a block is none of its kind."""


class SoundStream:
    """The messages of ``inner``, sound; what is no message goes to ``stray`` as a line.

    Args:
        methods: the method of each request that was sent, by its id.
        refuse: is told of a tool that has not the form of one, and why.
    """

    def __init__(
        self,
        inner: Any,
        methods: dict[object, str],
        *,
        stray: Callable[[str], None],
        refuse: Callable[[str, str], None],
    ) -> None:
        self._inner, self._methods = inner, methods
        self._stray, self._refuse = stray, refuse

    async def receive(self) -> SessionMessage | Exception:
        """The next message, or what the transport says has gone wrong."""
        while True:
            item: SessionMessage | Exception = await self._inner.receive()
            if isinstance(item, Exception):
                again = self._read_again(item)
                if again is None:
                    continue
                item = again
            return item if isinstance(item, Exception) else self._sound(item)

    def _sound(self, item: SessionMessage) -> SessionMessage:
        from mcp_types import JSONRPCResponse

        message = item.message
        if not isinstance(message, JSONRPCResponse):
            return item
        result = self.result(self._methods.pop(message.id, ""), message.result)
        return replace(item, message=message.model_copy(update={"result": result}))

    def result(self, method: str, result: Mapping[str, Any]) -> dict[str, Any]:
        """The result of a request, in the protocol's form."""
        found = dict(result)
        if not isinstance(found.get("_meta", {}), dict):
            del found["_meta"]
        if method == "tools/call" and found.get("resultType", "complete") == "complete":
            return _call_result(found)
        if method == "tools/list":
            return self._listing(found)
        if method == "initialize":
            return _introduction(found)
        return found

    def _listing(self, result: dict[str, Any]) -> dict[str, Any]:
        """Only what is used of each tool is kept: the rest can make no tool unusable."""
        tools: list[dict[str, Any]] = []
        refused = 0
        given = result.get("tools")
        for each in given if isinstance(given, list) else []:
            if problem := _problem_of_tool(each):
                refused += 1
                if refused > _TELL_TOOLS:
                    continue
                name = each.get("name", "") if isinstance(each, dict) else ""
                self._refuse(plain_text(str(name), _TELL_NAME) or "without a name", problem)
                continue
            texts = [key for key in ("title", "description") if isinstance(each.get(key), str)]
            tools.append({key: each[key] for key in ("name", "inputSchema", *texts)})
        if refused > _TELL_TOOLS:
            self._refuse(f"{refused - _TELL_TOOLS:,} more", "they are no tools either")
        result["tools"] = tools
        if not isinstance(result.get("nextCursor", ""), str):
            del result["nextCursor"]
        return result

    def _read_again(self, error: Exception) -> SessionMessage | Exception | None:
        """The message that could not be read; ``None`` if it was none."""
        from mcp.shared.message import SessionMessage
        from mcp_types import jsonrpc_message_adapter
        from pydantic import ValidationError

        if not isinstance(error, ValidationError):
            return error
        inputs = [each["input"] for each in error.errors(include_url=False, include_context=False)]
        given = next((each for each in inputs if isinstance(each, dict)), inputs[0])
        value = given
        if isinstance(given, str):
            with suppress(ValueError, RecursionError):
                value = json.loads(sound_escapes(given))
        if isinstance(value, dict) and {"method", "result", "error"}.intersection(value):
            with suppress(ValidationError):
                sound = jsonrpc_message_adapter.validate_python(_message(value), by_name=False)
                return SessionMessage(sound)
        if line := plain_text(str(given), _LONGEST_BANNER):
            self._stray(line)
        return None

    async def aclose(self) -> None:
        """Close the stream."""
        await self._inner.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        from anyio import EndOfStream

        try:
            return await self.receive()
        except EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class NotingStream:
    """``inner``, to which requests are sent; each one's method is noted by its id.

    Replies to a server that asks and does not read are dropped, once 100 of them wait.
    """

    def __init__(self, inner: Any, methods: dict[object, str]) -> None:
        self._inner, self._methods = inner, methods
        self._waiting = 0

    async def send(self, item: SessionMessage) -> None:
        """Send a message."""
        from mcp_types import JSONRPCError, JSONRPCRequest, JSONRPCResponse

        if isinstance(item.message, JSONRPCRequest):
            self._methods[item.message.id] = item.message.method
        is_reply = isinstance(item.message, JSONRPCResponse | JSONRPCError)
        if is_reply and self._waiting >= _MOST_REPLIES:
            return
        self._waiting += 1
        try:
            await self._inner.send(item)
        finally:
            self._waiting -= 1

    async def aclose(self) -> None:
        """Close the stream."""
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@asynccontextmanager
async def sound_transport(
    transport: Any, *, stray: Callable[[str], None], refuse: Callable[[str, str], None]
) -> AsyncIterator[tuple[SoundStream, NotingStream]]:
    """``transport`` with both its streams wrapped; see ``SoundStream``."""
    methods: dict[object, str] = {}
    async with transport as (reading, writing):
        yield (
            SoundStream(reading, methods, stray=stray, refuse=refuse),
            NotingStream(writing, methods),
        )


async def sound_response(response: httpx2.Response) -> None:
    """Have the body of an HTTP response read with every half of a surrogate pair replaced.

    It is read by whole lines; one that is longer than a message comes as it is, in pieces.
    """
    import httpx2

    kind = response.headers.get("content-type", "")
    if not kind.startswith(("application/json", "text/event-stream")):
        return
    given = response.stream
    if response.headers.get("content-encoding") or not isinstance(given, httpx2.AsyncByteStream):
        return
    body: httpx2.AsyncByteStream = given
    is_stream = kind.startswith("text/event-stream")

    class Sound(httpx2.AsyncByteStream):
        _items = 0

        def _counted(self, lines: bytes) -> bytes:
            """Whole lines, as they are; a message may have its values in any number of them."""
            self._items += count_items(lines)
            if self._items > MOST_MESSAGE_ITEMS:
                raise httpx2.ReadError(f"an answer of more than {MOST_MESSAGE_ITEMS:,} values")
            if is_stream and any(end in lines for end in _ENDS_OF_EVENTS):
                self._items = 0
            return sound_escapes(lines)

        async def __aiter__(self) -> AsyncIterator[bytes]:
            begun = bytearray()
            async for piece in body:
                end = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
                if end:
                    yield self._counted(bytes(begun + piece[:end]))
                    begun.clear()
                begun += piece[end:]
                # Whoever reads the events refuses so long a line, but has to see it for that.
                if len(begun) > MOST_MESSAGE_BYTES:
                    yield bytes(begun)
                    begun.clear()
            if begun:
                yield self._counted(bytes(begun))

        async def aclose(self) -> None:
            await body.aclose()

    response.stream = Sound()


def _message(value: dict[str, Any]) -> dict[str, Any]:
    """A message that lacks what every one has, or whose result is no object."""
    found: dict[str, Any] = {**value, "jsonrpc": "2.0"}
    if "method" in value:
        if found.get("id", "") is None:
            del found["id"]
        if not isinstance(found.get("params", {}), dict):
            del found["params"]
    elif value.get("error"):
        error = value["error"] if isinstance(value["error"], dict) else {"message": value["error"]}
        code = error.get("code")
        is_code = isinstance(code, int) and not isinstance(code, bool)
        found["error"] = {
            "code": code if is_code else -32603,
            "message": _text(error.get("message")),
        }
        found.pop("result", None)
    else:
        found.pop("error", None)
        result = found.get("result")
        found["result"] = result if isinstance(result, dict) else {"content": result}
    return found


def _call_result(result: dict[str, Any]) -> dict[str, Any]:
    given = result.get("content")
    structured = result.get("structuredContent")
    blocks = given if isinstance(given, list) else [] if given is None else [given]
    content = [_block(each) for each in blocks]
    if structured is not None and not any(_says_something(each) for each in content):
        content.append(_as_text(structured))
    known = ("content", "structuredContent", "isError", "_meta", "resultType")
    others = {key: value for key, value in result.items() if key not in known}
    if not content and "content" not in result and others:  # as the first servers wrote it
        content.append(_as_text(others))
    kept: dict[str, Any] = {}
    kept |= {key: result[key] for key in ("_meta", "resultType") if key in result}
    is_error = result.get("isError")
    return {**kept, "content": content, "isError": is_error is True or is_error == "true"}


def _block(given: Any) -> dict[str, Any]:
    """A block with nothing but what it needs; as text, where it is of no known kind."""
    if not isinstance(given, dict):
        return _as_text(given)
    kind = given.get("type")
    if kind == "resource" and isinstance(resource := given.get("resource"), dict):
        body = "blob" if isinstance(resource.get("blob"), str) else "text"
        if isinstance(resource.get("uri"), str) and isinstance(resource.get(body), str):
            kept = {key: resource[key] for key in ("uri", body)}
            return {"type": kind, "resource": kept}
    needed = _BLOCKS.get(kind, ()) if isinstance(kind, str) else ()
    if needed and all(isinstance(given.get(key), str) for key in needed):
        return {"type": kind, **{key: given[key] for key in needed}}
    if isinstance(given.get("text"), str):
        return _as_text(given["text"])
    return _as_text(given)


def _says_something(block: dict[str, Any]) -> bool:
    return block["type"] != "text" or bool(block["text"].strip())


def _as_text(value: Any) -> dict[str, Any]:
    return {"type": "text", "text": _text(value)}


def _text(value: Any) -> str:
    return encodable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _introduction(result: dict[str, Any]) -> dict[str, Any]:
    """What a server says of itself, as far as it has the form of that."""
    given = result.get("serverInfo")
    info = given if isinstance(given, dict) else {}
    result["serverInfo"] = {key: str(info.get(key) or "?") for key in ("name", "version")}
    can = result.get("capabilities")
    known = can.items() if isinstance(can, dict) else ()
    result["capabilities"] = {key: value for key, value in known if isinstance(value, dict)}
    if not isinstance(result.get("instructions", ""), str):
        del result["instructions"]
    return result


def _problem_of_tool(tool: Any) -> str:
    if not isinstance(tool, dict):
        return "it is no object"
    if not isinstance(tool.get("name"), str):
        return "its name is no text"
    schema = tool.get("inputSchema")
    if not isinstance(schema, dict):
        return 'it has no "inputSchema", which says what its arguments are'
    if schema.get("type") != "object":
        return 'its "inputSchema" is not of the type "object", as that of every MCP tool must be'
    return ""
