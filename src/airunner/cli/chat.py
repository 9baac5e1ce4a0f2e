"""``airunner chat``: a conversation with the primary, or one question.

Owns the prompt and how a turn is interrupted; ``chat_screen`` owns what is seen,
``chat_history`` which conversation is held.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from airunner.cli.attached import Images, read_pictures, with_pictures
from airunner.cli.flags import EXIT_FAILED, EXIT_INTERRUPTED
from airunner.config.settings import Settings

if TYPE_CHECKING:
    from airunner.cli.chat_history import ChatHistory
    from airunner.cli.following import Follower
    from airunner.events import ReminderDue, TurnFinished
    from airunner.messages import Content, Part
    from airunner.runtime import AnyRuntime

_HELP = """\
/new              leave this conversation and begin another
/conversations    list the saved ones
/switch N|ID      go on with one of them
/title TEXT       give this one another title
/delete [N|ID]    delete this one, or another, for good
/help             this list
/quit             leave, as Ctrl-D does; Ctrl-C breaks off an answer"""
_TAKES_TEXT = ("/switch", "/title", "/delete")


def chat(
    settings: Settings,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", "-p", metavar="TEXT", help="ask once and leave; - reads stdin"),
    ] = None,
    system: Annotated[
        str | None, typer.Option(metavar="TEXT", help="instructions the conversation begins with")
    ] = None,
    going_on: Annotated[
        bool, typer.Option("--continue", "-c", help="go on with the last conversation")
    ] = False,
    wanted: Annotated[
        str | None,
        typer.Option(
            "--conversation", metavar="ID", help="go on with this one; its first characters suffice"
        ),
    ] = None,
    images: Images = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print every event as a line of JSON")
    ] = False,
) -> None:
    """Talk with the primary model.

    It calls tools, and these use specialised models. With -p, the answer goes
    to stdout and everything else to stderr. A tool that changes something asks
    first; where nobody can answer, because stdin is no terminal, it is denied
    unless --permissions allows it. Of what a tool returns the beginning is shown,
    with --json all of it.
    Pictures go with -p, or with the first message, to a model that sees.
    Conversations are saved, with -p only if an earlier one goes on.
    Exits 0 when answered, 1 if there is no answer, 130 when interrupted.
    """
    from airunner.cli.chat_history import ChatHistory
    from airunner.cli.chat_screen import AnswerScreen, JsonScreen, TalkScreen
    from airunner.cli.following import following
    from airunner.cli.team import running_team
    from airunner.cli.turn_ending import is_answered
    from airunner.errors import StorageError

    pictures = read_pictures(images)
    text = sys.stdin.read().strip() if prompt == "-" else prompt
    if text is not None and not text.strip():
        raise typer.BadParameter("the prompt is empty", param_hint="--prompt")
    goes_on = going_on or wanted is not None
    if going_on and wanted is not None:
        raise typer.BadParameter("give one of --continue and --conversation")
    if goes_on and system is not None:
        raise typer.BadParameter("only a new conversation can begin with it", param_hint="--system")
    screen = JsonScreen() if as_json else TalkScreen() if text is None else AnswerScreen()
    aside = as_json or text is not None

    def say(line: str) -> None:
        typer.echo(line, err=aside)

    with running_team(settings, "chat") as runtime:

        def known() -> str:
            with suppress(StorageError):  # saving the talk tells what is wrong with the records
                return runtime.records.facts.in_words() if text is None else ""
            return ""

        history = ChatHistory(
            runtime.records.conversations,
            system or "",
            say,
            known=known,
            keeps=text is None or goes_on,
        )
        if goes_on:
            history.go_on(wanted)
        with screen, following(runtime.bus, screen.show) as follower:
            if text is None:
                _talk(runtime, history, follower, pictures, quiet=as_json)
                return
            finished = _take_turn(runtime, history, with_pictures(text, pictures), follower)
    if finished is None:
        raise KeyboardInterrupt
    if not is_answered(finished):
        raise typer.Exit(EXIT_INTERRUPTED if finished.outcome == "cancelled" else EXIT_FAILED)


def _talk(
    runtime: AnyRuntime,
    history: ChatHistory,
    follower: Follower,
    pictures: Sequence[Part],
    *,
    quiet: bool,
) -> None:
    """Turn after turn, until the user leaves; ``pictures`` go with the first."""
    from airunner.cli.reminder_watch import ReminderWatch

    sign = "" if quiet or not sys.stdin.isatty() else "> "
    if sign:
        import readline  # for line editing and history in input()

        # Python turns it off: each line of a pasted text would be a message of its own.
        readline.parse_and_bind("set enable-bracketed-paste on")
        typer.echo("/help lists the commands; Ctrl-D leaves.")
    _ = runtime.toolset  # what has to be started for it, starts before the first question
    reminders = ReminderWatch(runtime.records.reminders, lambda line: typer.echo(line, err=True))

    def above_the_prompt(event: ReminderDue) -> None:
        _show_above_the_prompt(event, sign, follower)

    while True:
        reminders.deliver(follower.take)
        follower.wait()
        with reminders.watching(above_the_prompt):
            text = _ask(sign)
        if text is None or text.strip() in ("/quit", "/exit"):
            return
        command, _, rest = text.strip().partition(" ")
        if command.startswith("/") and (not rest or command in _TAKES_TEXT):
            _obey(command, rest.strip(), history, sign, quiet=quiet)
        elif command:
            content, pictures = with_pictures(text, pictures), ()
            _take_turn(runtime, history, content, follower)


def _obey(command: str, rest: str, history: ChatHistory, sign: str, *, quiet: bool) -> None:
    """Do what a line that is a command asks for."""
    from airunner.errors import StorageError

    def confirm(question: str) -> bool:
        typer.echo(f"{question} [y/N]", err=quiet)
        return (_ask(sign) or "").strip().lower() in ("y", "yes")

    try:
        match command:
            case "/new":
                history.begin()
            case "/conversations":
                history.list()
            case "/switch":
                history.switch(rest)
            case "/title":
                history.retitle(rest)
            case "/delete":
                history.delete(rest, confirm)
            case "/help":
                typer.echo(_HELP, err=quiet)
            case _:
                typer.echo(f"There is no command {command}.\n{_HELP}", err=True)
    except (typer.BadParameter, StorageError) as error:
        typer.echo(f"error: {error}", err=True)


def _ask(sign: str) -> str | None:
    """The next line, or ``None`` for Ctrl-C, Ctrl-D and the end of a file."""
    try:
        return input(sign)
    except (EOFError, KeyboardInterrupt):
        if sign:
            typer.echo()
        return None


def _show_above_the_prompt(event: ReminderDue, sign: str, follower: Follower) -> None:
    """Show it while somebody may be typing: below what they typed, which is then written anew."""
    if sign:
        typer.echo()
    follower.take(event)
    with suppress(OSError):  # a closed pipe, which the next turn meets as well
        follower.wait()
    if sign:
        import readline

        sys.stdout.write(sign + readline.get_line_buffer())
        sys.stdout.flush()


def _take_turn(
    runtime: AnyRuntime, history: ChatHistory, content: Content, follower: Follower
) -> TurnFinished | None:
    """Run one turn, shown by ``follower``; ``None`` if Ctrl-C broke it off."""
    from airunner.cli.question import ask
    from airunner.events import ConversationSwitched, PermissionAsked, TurnFinished

    finished: TurnFinished | None = None
    try:
        history.before_turn(content)
        turn = runtime.turn(history.conversation, content, may_ask=sys.stdin.isatty())
        # Closed whatever happens: a turn that waits for an answer never ends by itself.
        with closing(turn):
            for event in turn:
                follower.check()
                if isinstance(event, PermissionAsked):
                    with follower.held():
                        answer = ask(event)
                    runtime.answer(event.question, answer)
                elif isinstance(event, ConversationSwitched):
                    history.switch_after_turn(event.to)
                elif isinstance(event, TurnFinished):
                    finished = event
    except KeyboardInterrupt:
        return None
    finally:
        try:
            follower.wait()
        finally:
            history.after_turn()
    return finished
