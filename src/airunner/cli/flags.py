"""The settings as command line flags, on every command and in front of it.

Owns the way from flags to ``Settings``; the flags themselves are generated from
``SETTINGS``. Also where a command's failure becomes a line and an exit code.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Annotated, Any, get_type_hints

import typer
import typer.main
from typer.core import TyperCommand

from airunner.cli.exit_codes import ExitCode
from airunner.cli.near_words import names_of, options_suggested
from airunner.cli.safe_text import typed
from airunner.cli.streams import complain, say, tell
from airunner.config.settings import SETTINGS, LoadedSettings, Setting, Settings
from airunner.errors import AiRunnerError, SettingsError

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = (
    ExitCode.FAILED,
    ExitCode.USAGE,
    ExitCode.INTERRUPTED,
)

SETTINGS_HINT = (
    "Every setting that `airunner --help-all` lists may be given here too, "
    "for example --max-memory 600MB."
)


AsJson = Annotated[bool, typer.Option("--json", help="print it as JSON")]


def add_command(
    app: typer.Typer,
    command: Callable[..., None],
    name: str | None = None,
) -> None:
    """Make ``command`` one of ``app``, with a flag for every setting, hidden from its --help.

    It gets the finished ``Settings`` as its first argument, or ``LoadedSettings`` where it says
    so: then what is wrong with them does not stop it. A flag after the command wins
    over the same flag before it. Where the command has an option of the same name as a
    setting, what stands after the command is the option.
    """
    add = app.command(name, cls=SettingsCommand, epilog=SETTINGS_HINT)
    add(_with_settings(command))


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """The command with its own parameters alone; the settings are where all flags are found."""
    first = next(iter(get_type_hints(command).values()))
    load = Settings.load_sound if first is LoadedSettings else Settings.load

    @functools.wraps(command)
    def run(ctx: typer.Context, **values: Any) -> None:
        given = ctx.find_root().meta
        verbose = bool(given.get("verbose"))
        log_to_stderr(verbose)
        with clean_exits(verbose, as_json=bool(values.get("as_json"))):
            flags = {name: given[name] for name in SETTINGS if name in given}
            sound = {n: typed(v) if type(v) is str else v for n, v in values.items()}
            command(load(flags), **sound)

    return _with_parameters(run, _own_parameters(command)[1:])


class SettingsCommand(TyperCommand):
    """A command that takes every setting beside its own options.

    The options of settings are made once, and shared: all commands are made at each start.
    """

    def __init__(self, *args: Any, params: list[Any], **named: Any) -> None:
        own = {each.name for each in params}
        self._shared = [each for each in _setting_options() if each.name not in own]
        super().__init__(*args, params=[*params, *self._shared], **named)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what stands behind the command's name."""
        options = self.get_params(ctx)
        read_lazily(options)
        with options_suggested(names_of(options)):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command, with the settings' flags where it looks for them."""
        remember_flags(ctx, {each.name: ctx.params.pop(each.name) for each in self._shared})
        return super().invoke(ctx)


@functools.cache
def _setting_options() -> list[Any]:
    def settings() -> None:
        """Nothing is run: only its options are used."""

    only = typer.Typer(add_completion=False)
    only.command()(_with_parameters(settings, _settings_parameters(True)))
    return [each for each in typer.main.get_command(only).params if each.name != "help"]


def read_lazily(options: list[Any]) -> None:
    """What is not given needs no reading, and a setting is its own file's to read.

    What typer reads values with takes longer to be imported than the rest of a command.
    """
    for option in options:
        if not option.required and "process_value" not in vars(option):
            vars(option)["process_value"] = functools.partial(_value_of, option)


def _value_of(option: Any, ctx: typer.Context, value: Any) -> Any:
    is_setting = option.name in SETTINGS and isinstance(value, str | bool)
    if value is None or is_setting:
        return value if option.callback is None else option.callback(ctx, option, value)
    return type(option).process_value(option, ctx, value)


def takes_flags(callback: Callable[..., None]) -> Callable[..., None]:
    """The same for what runs before every command: the flags are only remembered."""

    @functools.wraps(callback)
    def run(ctx: typer.Context, **values: Any) -> None:
        remember_flags(ctx, values)
        callback(**values)

    return _with_parameters(run, [*_own_parameters(callback), *_settings_parameters(False)])


def _own_parameters(command: Callable[..., None]) -> list[inspect.Parameter]:
    hints = get_type_hints(command, include_extras=True)
    parameters = inspect.signature(command).parameters.values()
    return [parameter.replace(annotation=hints[parameter.name]) for parameter in parameters]


def remember_flags(ctx: typer.Context, values: dict[str, Any]) -> None:
    """Move the settings' flags out of ``values`` to where all of this invocation finds them."""
    given = ctx.find_root().meta
    for name in (*SETTINGS, "verbose"):
        value = values.pop(name, None)
        if value is not None:
            given[name] = value


def log_to_stderr(verbose: bool) -> None:
    """Warnings for everybody, the whole log for those who ask."""
    handler = _ToStderr()
    form = "%(levelname)s %(name)s: %(message)s" if verbose else "warning: %(message)s"
    handler.setFormatter(logging.Formatter(form))
    log = logging.getLogger("airunner")
    log.handlers[:] = [handler]
    log.setLevel(logging.DEBUG if verbose else logging.WARNING)
    # Told by the event SpecialistFailed as well, which every command shows.
    told = logging.getLogger("airunner.runtime.specialists")
    told.setLevel(logging.NOTSET if verbose else logging.ERROR)


def is_verbose() -> bool:
    """Whether the whole log was asked for."""
    return logging.getLogger("airunner").isEnabledFor(logging.DEBUG)


class _ToStderr(logging.Handler):
    """Writes to what stderr is at that moment: a screen may stand in front of it."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError):  # nobody reads it any more
            tell(self.format(record), aside=True)


@contextmanager
def clean_exits(verbose: bool, *, as_json: bool = False) -> Iterator[None]:
    """One line on stderr and an exit code for everything AI Runner raises on purpose.

    With ``as_json`` the error is on stdout as well, as a JSON object.
    """
    try:
        yield
    except AiRunnerError as error:
        if verbose:
            logging.getLogger("airunner").exception("The command failed.")
        complain(error)
        if as_json:
            print_error(error)
        code = EXIT_USAGE if isinstance(error, SettingsError) else EXIT_FAILED
        raise typer.Exit(code) from None
    except OSError as error:
        # Of the output: a full disk is told, and what closed a pipe wants to hear no more.
        if isinstance(error, BrokenPipeError) or verbose:
            raise
        complain(error.strerror or error)
        raise typer.Exit(EXIT_FAILED) from None
    except KeyboardInterrupt:
        say("interrupted", aside=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None


def print_error(error: AiRunnerError) -> None:
    """The error on stdout, as a JSON object."""
    from airunner.errors.as_json import error_as_json

    print_told(error_as_json(error))


def print_told(error: Mapping[str, Any]) -> None:
    """An error on stdout, as a JSON object."""
    from airunner.cli.console import JSON_VERSION, print_json_line

    print_json_line({"kind": "error", "json_version": JSON_VERSION, **error})


def _with_parameters(
    run: Callable[..., None], parameters: list[inspect.Parameter]
) -> Callable[..., None]:
    """``run`` as typer shall see it: with a context and keyword parameters."""
    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    shown = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    annotations: Mapping[str, Any] = {p.name: p.annotation for p in (context, *shown)}
    # typer reads both, the signature for defaults and the hints for types.
    vars(run).pop("__wrapped__", None)
    run.__annotations__ = dict(annotations)
    vars(run)["__signature__"] = inspect.Signature([context, *shown])
    return run


@functools.cache
def _settings_parameters(hidden: bool) -> list[inspect.Parameter]:
    verbose = typer.Option(
        "--verbose", "-v", hidden=hidden, help="log to stderr, and show where errors come from"
    )
    return [
        *(_parameter(setting, hidden) for setting in SETTINGS.values()),
        _keyword("verbose", Annotated[bool | None, verbose]),
    ]


def _parameter(setting: Setting, hidden: bool) -> inspect.Parameter:
    if setting.is_switch:
        switch = typer.Option(
            f"{setting.flag}/--no-{setting.flag[2:]}", hidden=hidden, help=setting.help
        )
        return _keyword(setting.name, Annotated[bool | None, switch])
    option = typer.Option(setting.flag, metavar=setting.metavar, hidden=hidden, help=setting.help)
    return _keyword(setting.name, Annotated[str | None, option])


def _keyword(name: str, annotation: object) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )
