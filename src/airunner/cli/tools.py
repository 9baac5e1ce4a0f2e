"""``airunner tools``: what the primary may call, and calling it by hand."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from airunner.cli.command_groups import command_group
from airunner.cli.flags import EXIT_FAILED, AsJson
from airunner.cli.piped import asked_from_stdin
from airunner.cli.streams import complain, give, tell
from airunner.config.settings import Settings


def list_tools(settings: Settings, as_json: AsJson = False) -> None:
    """List every tool by its toolset, what it does to the world, and whether it asks first.

    Those marked * are in every prompt of a model with tool calling of its own; it
    searches for the others. The setting core_tools changes which those are, and the
    setting tools switches whole toolsets on and off.
    Built-in tools, those of installed packages, and those of the MCP servers in
    mcp.json, which are started for it. What could not be used is told on stderr, and what
    has to be installed for tools that are left out.
    """
    from airunner.cli.chat_screen import AnswerScreen
    from airunner.cli.console import err, out, print_json
    from airunner.cli.following import following
    from airunner.cli.team import running_team
    from airunner.cli.whole_words import columns
    from airunner.toolbox.extras import missing_extras
    from airunner.tools.listing import tool_rows
    from airunner.tools.permissions import Permissions

    permissions = Permissions(settings.permissions)
    with (
        running_team(settings, "tools list") as runtime,
        AnswerScreen() as screen,
        following(runtime.bus, screen.show),
    ):
        tools = tool_rows(runtime.toolset, runtime.core_tools, permissions)
    for hint in missing_extras():
        err().print(hint)
    if as_json:
        print_json({"tools": tools})
        return
    if not tools:
        tell("No tool is offered.")
        return
    table = columns("  tool", "permission", "runs", "what it does")
    runs = {"allow": "unasked", "ask": "if you agree", "deny": "never"}
    by_toolset: dict[str, list[dict[str, Any]]] = {}
    for row in tools:
        by_toolset.setdefault(row["toolset"], []).append(row)
    for toolset, rows in sorted(by_toolset.items()):
        if toolset:
            table.add_row(f"{toolset}:")
        for row in rows:
            mark = "* " if row["core"] else "  "
            table.add_row(
                mark + row["name"], row["permission"], runs[row["decision"]], row["description"]
            )
    out().print(table)


def call_tool(
    settings: Settings,
    name: Annotated[str, typer.Argument(metavar="NAME", help="a tool of `airunner tools list`")],
    args: Annotated[
        str, typer.Option(metavar="JSON|-", help="its arguments as an object; - reads stdin")
    ] = "{}",
    as_json: AsJson = False,
) -> None:
    """Call one tool, with the models it needs.

    You name the tool and its arguments, so nothing is asked; a rule that denies
    the call still holds. The result goes to stdout. Exits 1 if the tool failed.
    """
    from airunner.cli.chat_screen import AnswerScreen
    from airunner.cli.console import print_json
    from airunner.cli.following import following
    from airunner.cli.team import running_team

    arguments = _arguments(asked_from_stdin("--args") if args == "-" else args)
    with (
        running_team(settings, "tools call") as runtime,
        AnswerScreen(shows_results=False) as screen,
        following(runtime.bus, screen.show),
    ):
        runtime.toolset.get(name)
        began_s = time.perf_counter()
        outcome = runtime.call_tool(name, arguments, by_user=True)
        took_s = time.perf_counter() - began_s
    result = None if outcome.problem else outcome.message.text
    if as_json:
        problem = outcome.problem
        print_json({"tool": name, "result": result, "problem": problem, "seconds": took_s})
    elif result is not None:
        give(result)
    if outcome.problem:
        if not as_json:
            complain(outcome.problem)
        raise typer.Exit(EXIT_FAILED)


def _arguments(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"no JSON: {error}", param_hint="--args") from None
    if not isinstance(value, dict):
        raise typer.BadParameter('must be an object, like {"text": "..."}', param_hint="--args")
    return value


tools_app = command_group(
    "tools", "List tools and call one.", {"list": list_tools, "call": call_tool}
)
