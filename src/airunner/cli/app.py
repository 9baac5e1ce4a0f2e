"""The ``airunner`` command: its subcommands, and how the process ends.

Owns only what all commands share, and which commands there are. Each is in a file of its own,
which is imported when it is asked for, and imports what it needs when it runs.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated, Any

import typer

from airunner import __version__
from airunner.cli.command_groups import HELP_ALL, LazyCommand, RootGroup
from airunner.cli.flags import AsJson, takes_flags
from airunner.cli.streams import make_sound, say
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
_BY_PURPOSE = {
    "Talk and draw": {
        "chat": ("chat:chat", "Talk with the primary model."),
        "ui": ("ui:ui", "Open the web page: chat, models, pictures and memory."),
        "run": ("run:run", "Ask the model that serves CAPABILITY once."),
        "image": ("image:image", "Draw a picture and save it to the pictures folder."),
        "tools": ("tools:tools_app", "List tools and call one."),
        "demo": ("demo:demo", "Have three models draw a picture in too little memory."),
    },
    "Models": {
        "setup": ("setup:setup", "Get the best team for this machine."),
        "plan": ("plan:plan", "Show which models suit an amount of memory."),
        "pull": ("models:pull_models", "Fetch weights."),
        "list": ("models:list_here", "List the models whose weights are on this machine."),
        "show": ("models:show_model", "Show one model in full."),
        "rm": ("models:remove_model", "Delete models' weights."),
        "assign": ("catalogue:assign", "Let MODEL serve CAPABILITY from now on."),
        "models": ("models:models_app", "List, show, add, fetch and remove models."),
    },
    "Server": {
        "serve": ("serve:serve", "Serve the team to other programs."),
        "stop": ("serve:stop", "Stop the server."),
        "top": ("top:top", "Watch the server: models, memory, who waits, how fast."),
        "keys": ("keys:keys_app", "Make, list and remove keys of the server."),
        "mcp": ("mcp:mcp", "Offer tools to other programs, as an MCP server."),
    },
    "Records": {
        "conversations": (
            "conversations:conversations_app",
            "List, show, export and delete saved conversations.",
        ),
        "explain": ("explain:explain", "Show why the last run did what it did."),
    },
    "This machine": {
        "doctor": ("doctor:doctor", "Check settings, devices, weights and space."),
        "ps": ("ps:ps", "List the models that are loaded or parked now."),
        "engine": ("engine:engine", "Install the engine's build for this machine's GPU."),
        "version": ("app:version", "Show the version."),
    },
}
"""Where each is, as ``module:name``, and the first sentence of what it says of itself."""


class _AllCommands(RootGroup):
    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        for heading, commands in _BY_PURPOSE.items():
            for name, (place, summary) in commands.items():
                self.add_command(LazyCommand(name, f"airunner.cli.{place}", summary, heading))


# Plain help: a fancier one would take longer to import than everything else.
app = typer.Typer(
    name="airunner",
    cls=_AllCommands,
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
    from airunner.overdue import end_at_the_latest

    end_at_the_latest()
    sys.exit(128 + number)
