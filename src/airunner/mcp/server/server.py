"""AI Runner's tools as an MCP server, over stdio or HTTP on this machine.

Owns the way from a protocol request to a tool call and back. Which tools are
offered is the caller's choice, and to offer a tool is to allow it: the program
that calls has a user of its own to ask. Rules that deny still hold. Who may ask
over HTTP is ``access``'s to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from airunner import __version__
from airunner.access.connections import PromptConnection
from airunner.access.guard import Admission, Guard
from airunner.access.listening import listening
from airunner.access.request_body import BodyLimits
from airunner.access.token import Token
from airunner.agent.tool_call import Outcome
from airunner.mcp.client.sound_stream import SoundStream
from airunner.resources.visitor import Visitor
from airunner.tools.toolset import Toolset

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

PATH = "/mcp"
SESSION_IDLE_S = 1800.0
"""After so long without a request a session ends, and its id is worth nothing."""
MOST_SESSIONS = 64
"""Sessions at once; who opens more is told to come back."""
MOST_BODY_BYTES = 4 * 2**20
"""The largest request."""

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
    server: Server[Any],
    port: int,
    token: Token | None,
    on_ready: Callable[[str], object] = lambda url: None,
) -> None:
    """Serve programs on this machine over HTTP, until interrupted.

    Only loopback is listened on. Without the token nobody is served, whichever user's
    program it is; nor is a request that names another host, or that a web page of
    elsewhere sends: no site may reach the models through somebody's browser.

    Args:
        port: 0 takes a free one.
        token: what every request must bring; ``None`` serves every program of this machine.
        on_ready: gets the URL.

    Raises:
        PortTakenError: the port cannot be had.
    """
    import uvicorn
    from mcp.server.transport_security import TransportSecuritySettings

    app = server.streamable_http_app(
        streamable_http_path=PATH,
        host=_HOST,
        session_idle_timeout=SESSION_IDLE_S,
        max_sessions=MOST_SESSIONS,
        max_request_body_size=MOST_BODY_BYTES,
        # The guard looks at Host and Origin, taken apart and not by how they begin.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    with listening(_HOST, port) as sock:
        on_ready(f"http://{_HOST}:{sock.getsockname()[1]}{PATH}")
        config = uvicorn.Config(
            Guard(app, _admission(token)),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # whose guesses are counted is seen, not told
            http=PromptConnection,
            ws="none",
        )
        await uvicorn.Server(config).serve(sockets=[sock])


def _admission(token: Token | None) -> Admission:
    def find_key(key: str) -> Visitor | None:
        return Visitor("mcp") if token is not None and token.is_it(key) else None

    where = f" It is in {token.file} on this machine." if token is not None else ""
    return Admission(
        key_required=token is not None,
        find_key=find_key,
        body=BodyLimits(n_bytes=MOST_BODY_BYTES),
        how_to_get_in=f"Send the token as `Authorization: Bearer`.{where}",
    )


def _unknown(name: str) -> Exception:
    from mcp_types import INVALID_PARAMS

    from mcp import MCPError

    return MCPError(INVALID_PARAMS, f"Unknown tool: {name}")
