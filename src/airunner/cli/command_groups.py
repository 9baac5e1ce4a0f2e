"""Commands below one name, and all of them: how they are listed, and one that there is not.

Owns the help of groups. Flags and how a command fails are ``flags``'.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from airunner.cli.exit_codes import ExitCode
from airunner.cli.flags import add_command, print_told, read_lazily
from airunner.cli.near_words import names_of, nearest, options_suggested
from airunner.cli.streams import complain, say
from airunner.config.settings import SETTINGS

_NO_LIMIT = 1000


class CommandGroup(TyperGroup):
    """Commands below one name."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Each with the whole first sentence of its description, broken at words."""
        width = max(map(len, self.commands), default=0)
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            heading = getattr(command, "rich_help_panel", None)
            rows = sections.setdefault(heading if isinstance(heading, str) else "Commands", [])
            rows.append((f"{name:<{width}}", command.get_short_help_str(_NO_LIMIT)))
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what stands before the command's name."""
        options = self.get_params(ctx)
        read_lazily(options)
        with options_suggested(names_of(options)):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """The command that is named first; ``help`` in front of one shows its help."""
        name, *rest = args
        if name == HELP and not rest:
            say(ctx.get_help())
            raise typer.Exit
        if name == HELP:
            return self.resolve_command(ctx, [*rest, "--help"])
        if name not in self.commands and name[:1].isalnum() and not ctx.resilient_parsing:
            ctx.fail(f"No such command {name!r}.{nearest(name, [*self.commands, HELP])}")
        found: tuple[Any, Any, list[str]] = super().resolve_command(ctx, args)
        name, command, rest = found
        return name, command.load() if isinstance(command, LazyCommand) else command, rest


class LazyCommand(TyperCommand):
    """What a list shows of a command whose module is imported when it is asked for.

    ``place`` is where it is: ``module:name``, of a function or of commands below one name.
    """

    def __init__(self, name: str, place: str, summary: str, heading: str) -> None:
        super().__init__(name, help=summary, rich_help_panel=heading)
        self._place = place

    def load(self) -> Any:
        """The command itself."""
        module, _, name = self._place.partition(":")
        found = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        add_command(alone, found, self.name)
        return typer.main.get_command(alone)


HELP = "help"
HELP_ALL = "airunner.help_all"
"""Stands in the context's ``meta`` where the help shall list the settings too."""


class RootGroup(CommandGroup):
    """All commands. Where --json is given, what is wrong with one is JSON as well."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The commands, then what else there is; the many settings only where all is asked for."""
        self.format_commands(ctx, formatter)
        rows: dict[str, list[Any]] = {"Options": [], "Settings": []}
        for option in self.get_params(ctx):
            if (row := option.get_help_record(ctx)) is not None:
                rows["Settings" if option.name in SETTINGS else "Options"].append(row)
        if HELP_ALL not in ctx.meta:
            del rows["Settings"]
        for title, some in rows.items():
            with formatter.section(title):
                formatter.write_dl(some)

    def make_context(self, *args: Any, **named: Any) -> Any:
        """The same, from the very beginning."""
        with _told_as_errors():
            return super().make_context(*args, **named)

    def invoke(self, ctx: Any) -> Any:
        """Read the rest of it, and run the command."""
        with _told_as_errors():
            return super().invoke(ctx)


_NO_ARGUMENTS = "NoArgsIsHelpError"
"""What click raises where nothing was written and the help is the answer."""


@contextmanager
def _told_as_errors() -> Iterator[None]:
    """Tell what is written wrongly in the form of every other error; with --json, as JSON too."""
    try:
        yield
    except Exception as error:
        # Typer has its own copy of click in some versions: by its method, not by its class.
        words = getattr(error, "format_message", None)
        context = getattr(error, "ctx", None)
        if words is None or context is None or type(error).__name__ == _NO_ARGUMENTS:
            raise
        if "--json" in sys.argv:
            print_told({"error": "UsageError", "message": words(), "fields": {}})
        told = words() if words().endswith((".", "?")) else f"{words()}."
        complain(f"{told} `{_path(context)} -h` shows how it is written.")
        raise typer.Exit(ExitCode.USAGE) from None


def _path(context: Any) -> str:
    """What is written before the arguments, however this program was started."""
    if context.parent is None:
        return "airunner"
    return f"{_path(context.parent)} {context.info_name}"


def command_group(name: str, help: str, commands: Mapping[str, Callable[..., None]]) -> typer.Typer:
    """``commands`` as subcommands of ``name``, each with a flag for every setting."""
    group = typer.Typer(
        name=name,
        cls=CommandGroup,
        help=help,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for command_name, command in commands.items():
        add_command(group, command, command_name)
    return group
