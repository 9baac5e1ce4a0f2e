"""``airunner mcp``: the models' capabilities as tools for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from airunner.cli.streams import say, tell
from airunner.config.settings import Settings

if TYPE_CHECKING:
    from airunner.tools.toolset import Toolset

TOKEN_FILE = "mcp-token"
"""In the home folder."""


def mcp(
    settings: Settings,
    http: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="serve HTTP on loopback; 0: any port"),
    ] = None,
    tool: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="offer this tool; may be given several times"),
    ] = None,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="serve every user of this machine over HTTP")
    ] = False,
) -> None:
    """Offer tools to other programs, as an MCP server.

    Over stdio, for a program that starts `airunner mcp` itself, or with --http; what then
    connects must send the token that is shown.
    Without --tool: enhance a prompt, summarise, translate, write code, draw. Whatever
    is offered may be used without asking; rules that deny still hold.
    """
    import asyncio
    import importlib.util
    from contextlib import suppress

    from airunner.cli.team import running_team
    from airunner.errors import ToolServerError

    if importlib.util.find_spec("mcp") is None:
        problem = "MCP is not installed; `pip install 'airunner[mcp]'` adds it"
        raise ToolServerError("airunner", problem)
    from airunner.access.token import kept_token
    from airunner.mcp.server.server import mcp_server, serve_http, serve_stdio

    offered = _offered(tool or ())
    with running_team(settings, "mcp", offered) as runtime:
        server = mcp_server(runtime, offered)
        if http is None:
            asyncio.run(serve_stdio(server))
            return
        token = None if no_token else kept_token(settings.home / TOKEN_FILE)

        def ready(url: str) -> None:
            say(url, aside=True)
            if token is not None and token.is_new:
                say(f"token, shown this once: {token.text}", aside=True)
            if token is not None:
                tell(
                    f"programs send it as `Authorization: Bearer`; it is in {token.file}",
                    aside=True,
                )

        with suppress(asyncio.CancelledError):
            asyncio.run(serve_http(server, http, token, ready))


def _offered(names: list[str] | tuple[()]) -> Toolset:
    from airunner.components.llm.tools.image_tools import generate_image, image_toolset
    from airunner.engines.known import known_engines
    from airunner.toolbox.code.code_tools import generate_code
    from airunner.toolbox.text.text_tools import summarize_text, translate_text
    from airunner.toolbox.toolset import builtin_toolset
    from airunner.tools.prompt_tools import enhance_prompt
    from airunner.tools.toolset import Toolset

    if not names:
        able = any(e.traits.draws and e.is_installed() for e in known_engines().values())
        draws = [generate_image] if able else []
        return Toolset([enhance_prompt, summarize_text, translate_text, generate_code, *draws])
    known = builtin_toolset() + image_toolset() + Toolset([enhance_prompt])
    return Toolset(known.get(name) for name in dict.fromkeys(names))
