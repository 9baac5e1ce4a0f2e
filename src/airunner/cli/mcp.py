"""``airunner mcp``: the models' capabilities as tools for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from airunner.cli.streams import say
from airunner.config.settings import Settings

if TYPE_CHECKING:
    from airunner.tools.toolset import Toolset


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
) -> None:
    """Offer tools to other programs, as an MCP server.

    Over stdio, for a program that starts `airunner mcp` itself, or with --http.
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
    from airunner.mcp.server.server import mcp_server, serve_http, serve_stdio

    offered = _offered(tool or ())
    with running_team(settings, "mcp", offered) as runtime:
        server = mcp_server(runtime, offered)
        if http is None:
            asyncio.run(serve_stdio(server))
            return
        try:
            with suppress(asyncio.CancelledError):
                asyncio.run(serve_http(server, http, lambda url: say(url, aside=True)))
        except OSError as error:
            raise ToolServerError("airunner", f"port {http}: {error.strerror}") from None


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
