"""AI Runner's tools as an MCP server, over stdio or HTTP on this machine.

Owns the way from a protocol request to a tool call and back. Which tools are
offered is the caller's choice, and to offer a tool is to allow it: the program
that calls has a user of its own to ask. Rules that deny still hold.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from airunner import __version__
from airunner.agent.tool_call import Outcome
from airunner.mcp.client.sound_stream import SoundStream
from airunner.tools.toolset import Toolset

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

PATH = "/mcp"
_HOST = "127.0.0.1"
_INSTRUCTIONS = (
    "Local models behind tools. A call may first have to load a model, which can take a while."
)


class ToolRunner(Protocol):
    """Whoever runs tools: the runtime."""

    async def run_tool(
        self, name: str, arguments: Mapping[str, Any], *, by_user: bool = False
    ) -> Outcome:
        """Run one tool to an outcome, from any event loop."""
        ...


def mcp_server(runner: ToolRunner, tools: Toolset) -> Server[Any]:
    """An MCP server that offers ``tools`` and has ``runner`` run them."""
    import mcp_types as types
    from mcp.server.lowlevel import Server

    async def list_tools(_: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=tool.name,
                    description=tool.description,
                    input_schema=tool.parameters,
                    annotations=types.ToolAnnotations(
                        read_only_hint=tool.permission == "read",
                        open_world_hint=tool.permission in ("network", "execute"),
                    ),
                )
                for tool in tools
            ]
        )

    async def call_tool(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name not in tools:
            raise _unknown(params.name)
        outcome = await runner.run_tool(params.name, params.arguments or {}, by_user=True)
        text = outcome.problem or outcome.message.text
        return types.CallToolResult(
            content=[types.TextContent(text=text)], is_error=bool(outcome.problem)
        )

    return Server(
        "airunner",
        version=__version__,
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def serve_stdio(server: Server[Any]) -> None:
    """Serve one program over stdin and stdout, until it closes them."""
    from mcp.server.stdio import stdio_server

    def ignore(*_: str) -> None:
        """A line that is no message has nobody to answer."""

    async with stdio_server() as (read, write):
        # A request with half an emoji would else never be answered.
        sound = SoundStream(read, {}, stray=ignore, refuse=ignore)
        await server.run(sound, write, server.create_initialization_options())


async def serve_http(
    server: Server[Any], port: int, on_ready: Callable[[str], object] = lambda url: None
) -> None:
    """Serve programs on this machine over HTTP, until interrupted.

    Only loopback is listened on, and a request that names another host, or that
    a web page of elsewhere sends, is refused: no site may reach the models
    through somebody's browser.

    Args:
        port: 0 takes a free one.
        on_ready: gets the URL.

    Raises:
        OSError: the port is taken.
    """
    import uvicorn

    app = server.streamable_http_app(streamable_http_path=PATH, host=_HOST)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((_HOST, port))
        listening.listen()
        on_ready(f"http://{_HOST}:{listening.getsockname()[1]}{PATH}")
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        await uvicorn.Server(config).serve(sockets=[listening])


def _unknown(name: str) -> Exception:
    from mcp_types import INVALID_PARAMS

    from mcp import MCPError

    return MCPError(INVALID_PARAMS, f"Unknown tool: {name}")
