"""The ``airunner`` command: its subcommands, and how the process ends.

Owns only what all commands share. Every command is in a file of its own and
imports what it needs when it runs, so that ``airunner --help`` stays quick.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Annotated

import typer

from airunner import __version__
from airunner.cli.catalogue import assign
from airunner.cli.chat import chat
from airunner.cli.command_groups import HELP_ALL, RootGroup
from airunner.cli.conversations import conversations_app
from airunner.cli.demo import demo
from airunner.cli.doctor import doctor
from airunner.cli.engine import engine
from airunner.cli.explain import explain
from airunner.cli.flags import AsJson, add_command, takes_flags
from airunner.cli.image import image
from airunner.cli.keys import keys_app
from airunner.cli.mcp import mcp
from airunner.cli.models import list_here, models_app, pull_models, remove_model, show_model
from airunner.cli.plan import plan
from airunner.cli.ps import ps
from airunner.cli.run import run
from airunner.cli.serve import serve, stop
from airunner.cli.setup import setup
from airunner.cli.streams import make_sound, say
from airunner.cli.tools import tools_app
from airunner.cli.top import top
from airunner.cli.ui import ui
from airunner.config.settings import Settings

_SETTINGS_HELP = (
    "`airunner --help-all` lists the settings, which every command takes. Each is also an "
    "environment variable, such as AIRUNNER_MAX_MEMORY, and a key of config.toml; a flag wins "
    "over the environment, the environment over the file. `airunner doctor` shows every value "
    "and where it came from."
)
_ABOUT = (
    "A team of local models on one ordinary machine.\n\n"
    "Begin with `airunner setup`, which gets the models that suit this machine. Then "
    "`airunner chat` talks with them, and `airunner ui` opens them as a web page."
)
# Plain help: a fancier one would take longer to import than everything else.
app = typer.Typer(
    name="airunner",
    cls=RootGroup,
    help=_ABOUT,
    epilog=_SETTINGS_HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"airunner {__version__}")
        raise typer.Exit


def _show_all(ctx: typer.Context, wanted: bool) -> None:
    if wanted:
        ctx.meta[HELP_ALL] = True
        say(ctx.get_help())
        raise typer.Exit


def version(settings: Settings, as_json: AsJson = False) -> None:
    """Show the version.

    With --json, that of what --json prints as well.
    """
    if as_json:
        from airunner.cli.console import print_json

        print_json({"airunner": __version__})
    else:
        say(f"airunner {__version__}")


def _begin(
    shows_version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="show the version"),
    ] = False,
    shows_all: Annotated[
        bool,
        typer.Option(
            "--help-all", callback=_show_all, is_eager=True, help="this and every setting"
        ),
    ] = False,
) -> None:
    """Read what stands before the command."""


app.callback(help=_ABOUT, epilog=_SETTINGS_HELP)(takes_flags(_begin))
_BY_PURPOSE: Mapping[str, Mapping[str, Callable[..., None] | typer.Typer]] = {
    "Talk and draw": {
        "chat": chat,
        "ui": ui,
        "run": run,
        "image": image,
        "tools": tools_app,
        "demo": demo,
    },
    "Models": {
        "setup": setup,
        "plan": plan,
        "pull": pull_models,
        "list": list_here,
        "show": show_model,
        "rm": remove_model,
        "assign": assign,
        "models": models_app,
    },
    "Server": {"serve": serve, "stop": stop, "top": top, "keys": keys_app, "mcp": mcp},
    "Records": {"conversations": conversations_app, "explain": explain},
    "This machine": {"doctor": doctor, "ps": ps, "engine": engine, "version": version},
}
for _heading, _commands in _BY_PURPOSE.items():
    for _name, _command in _commands.items():
        if isinstance(_command, typer.Typer):
            app.add_typer(_command, name=_name, rich_help_panel=_heading)
        else:
            add_command(app, _command, _name, _heading)


def main() -> None:
    """Run the command line; never returns."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    make_sound()
    app()


def _end(number: int, frame: FrameType | None) -> None:
    """Leave through every ``with`` on the way: workers stopped, parked files removed."""
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)
