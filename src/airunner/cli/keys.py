"""``airunner keys``: who may use the server from other machines."""

from __future__ import annotations

import time
from typing import Annotated, Literal

import typer

from airunner.cli.command_groups import command_group
from airunner.cli.flags import AsJson
from airunner.cli.streams import say, tell
from airunner.config.settings import Settings

Name = Annotated[str, typer.Argument(metavar="NAME", help="whose key it is")]


def add_key(
    settings: Settings,
    name: Name,
    models: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="models it may use, such as qwen*; default: all"),
    ] = None,
    tools: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="tools it may call, such as read_*; default: all"),
    ] = None,
    priority: Annotated[
        Literal["low", "normal", "high"], typer.Option(help="whose requests are served first")
    ] = "normal",
    manage: Annotated[
        bool,
        typer.Option("--manage", help="conversations, settings, loading and downloads, too"),
    ] = False,
) -> None:
    """Make a key and print it: it is shown this once."""
    from airunner.resources.visitor import Visitor
    from airunner.server.keys import PRIORITIES, Keys, patterns

    visitor = Visitor(name, patterns(models), patterns(tools), PRIORITIES[priority], manage)
    say(Keys(settings.home).add(visitor))
    tell("Keep it: only its hash is stored.", aside=True)


def list_keys(settings: Settings, as_json: AsJson = False) -> None:
    """List the keys, without what they are."""
    from airunner.cli.console import out, print_json
    from airunner.cli.whole_words import columns
    from airunner.server.keys import Keys, key_as_json

    rows = [key_as_json(key) for key in Keys(settings.home)]
    if as_json:
        print_json({"keys": rows})
        return
    if not rows:
        tell("No keys. `airunner keys add NAME` makes one.")
        return
    table = columns("name", "models", "tools", "priority", "manages", "made")
    for row in rows:
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["made_s"]))
        models, tools = ", ".join(row["models"]), ", ".join(row["tools"])
        manages = "yes" if row["manages"] else "no"
        table.add_row(row["name"], models, tools, row["priority"], manages, made)
    out().print(table)


def remove_key(settings: Settings, name: Name) -> None:
    """Remove a key; a server that runs refuses it from then on."""
    from airunner.server.keys import Keys

    Keys(settings.home).remove(name)
    tell(f"removed the key {name}")


keys_app = command_group(
    "keys",
    "Make, list and remove keys of the server.",
    {"add": add_key, "list": list_keys, "remove": remove_key},
)
