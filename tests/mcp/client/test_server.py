"""One MCP server's answers, from a connection that stands in for a process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("mcp")

from mcp_types import METHOD_NOT_FOUND

from airunner.errors import ToolFailedError, ToolServerError
from airunner.events import Event, ToolRefused, ToolServerFailed
from airunner.mcp.client.budget import MOST_MESSAGE_ITEMS
from airunner.mcp.client.config import ServerConfig
from airunner.mcp.client.server import McpServer
from mcp import MCPError

Pages = Callable[[int], Any]


class Connection:
    """Lists what ``pages`` gives for the number of the question, and refuses every call."""

    def __init__(self, pages: Pages) -> None:
        self.asked, self._pages, self.session = 0, pages, self

    async def list_tools(self, cursor: str | None = None) -> Any:
        self.asked += 1
        page = self._pages(self.asked)
        return await page if asyncio.iscoroutine(page) else page

    async def send_request(self, *_: Any) -> Any:
        raise MCPError(-32001, "not today")


def page(cursor: str | None, n_values: int = 0) -> Any:
    tool = SimpleNamespace(name=f"tool {cursor}", input_schema={"enum": list(range(n_values))})
    return SimpleNamespace(tools=[tool], next_cursor=cursor)


def server_of(folder: Path, connection: Connection, **config: Any) -> tuple[McpServer, list[Event]]:
    events: list[Event] = []
    server = McpServer(ServerConfig("s", **config), log=folder / "log", publish=events.append)
    server._client = connection  # type: ignore[assignment]
    return server, events


@pytest.mark.parametrize(
    ("pages", "asked", "refused"),
    [
        (lambda number: page("again"), 2, []),
        (lambda number: page(str(number)), 200, []),
        (lambda number: page(str(number) if number < 3 else None), 3, []),
        (lambda number: page(str(number), MOST_MESSAGE_ITEMS // 2 + 1), 2, ["the others"]),
    ],
)
def test_pages_of_tools_end(tmp_path: Path, pages: Pages, asked: int, refused: list[str]) -> None:
    connection = Connection(pages)
    server, events = server_of(tmp_path, connection)
    assert asyncio.run(server.tools())
    assert connection.asked == asked
    assert [event.tool for event in events if isinstance(event, ToolRefused)] == refused


@pytest.mark.parametrize("again", [True, False])
def test_a_list_that_does_not_come_loses_the_server_unless_it_was_there(
    tmp_path: Path, again: bool
) -> None:
    connection = Connection(lambda number: asyncio.Event().wait())
    server, events = server_of(tmp_path, connection, timeout_s=0.01)
    with pytest.raises(ToolServerError, match="did not list its tools"):
        asyncio.run(server.tools(again=again))
    assert server.connected is again
    assert len([e for e in events if isinstance(e, ToolServerFailed)]) == (not again)


def test_after_a_refusal_it_is_seen_whether_the_server_lives(tmp_path: Path) -> None:
    def refuse(number: int) -> Any:
        raise MCPError(-32001, "nor a list")

    connection = Connection(refuse)
    server, _ = server_of(tmp_path, connection)

    async def main() -> None:
        with pytest.raises(ToolFailedError, match="not today"):
            await server.call("tool", {})
        await asyncio.gather(*server._background)
        assert connection.asked == 1
        assert server.connected, "it answers, if only that it refuses"

    asyncio.run(main())


def test_a_server_that_offers_other_things_than_tools_has_none(tmp_path: Path) -> None:
    def refuse(number: int) -> Any:
        raise MCPError(METHOD_NOT_FOUND, "no such method")

    server, events = server_of(tmp_path, Connection(refuse))
    assert asyncio.run(server.tools()) == []
    assert (events, server.connected) == ([], True)
