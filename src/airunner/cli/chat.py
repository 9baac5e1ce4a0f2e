"""``airunner chat``: a conversation with the primary, or one question.

Owns what a line means and how a turn is interrupted; ``prompt`` reads the lines,
``chat_screen`` owns what is seen, ``chat_history`` which conversation is held.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from airunner.cli.attached import Images, read_pictures, with_pictures
from airunner.cli.flags import EXIT_FAILED, EXIT_INTERRUPTED
from airunner.cli.streams import complain, prompt_text, say
from airunner.config.settings import Settings

if TYPE_CHECKING:
    from airunner.cli.chat_history import ChatHistory
    from airunner.cli.following import Follower
    from airunner.cli.prompt import Prompt
    from airunner.events import TurnFinished
    from airunner.messages import Content, Part
    from airunner.runtime import AnyRuntime

_HELP = """\
/new              leave this conversation and begin another
/conversations    list the saved ones
/switch N|ID      go on with one of them
/title TEXT       give this one another title
/delete [N|ID]    delete this one, or another, for good
/help             this list
/quit             leave, as Ctrl-D does; Ctrl-C breaks off an answer
//TEXT            send a text that begins with a slash"""
_TWO_SLASHES = "A text that begins with a slash is sent if it is written with two: //"


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
    text = None if prompt is None else prompt_text(prompt, "--prompt")
    goes_on = going_on or wanted is not None
    if going_on and wanted is not None:
        raise typer.BadParameter("give one of --continue and --conversation")
    if goes_on and system is not None:
        raise typer.BadParameter("only a new conversation can begin with it", param_hint="--system")
    screen = JsonScreen() if as_json else TalkScreen() if text is None else AnswerScreen()
    tell = partial(say, aside=as_json or text is not None)
    with running_team(settings, "chat") as runtime:

        def known() -> str:
            with suppress(StorageError):  # saving the talk tells what is wrong with the records
                return runtime.records.facts.in_words() if text is None else ""
            return ""

        history = ChatHistory(
            runtime.records.conversations,
            system or "",
            tell,
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
    from airunner.cli.prompt import Prompt
    from airunner.cli.reminder_watch import ReminderWatch

    reminders = ReminderWatch(runtime.records.reminders, lambda line: say(line, aside=True))
    prompt = Prompt(follower, reminders, quiet=quiet)
    _ = runtime.toolset  # what has to be started for it, starts before the first question
    while (text := prompt.message()) is not None:
        line = text.strip()
        if line in ("/quit", "/exit"):
            return
        if line.startswith("/") and not line.startswith("//"):
            _obey(line, history, prompt, quiet=quiet)
        elif line:
            message = line[1:] if line.startswith("//") else text
            content, pictures = with_pictures(message, pictures), ()
            _take_turn(runtime, history, content, follower)


def _obey(line: str, history: ChatHistory, prompt: Prompt, *, quiet: bool) -> None:
    """Do what a line that is a command asks for."""
    from airunner.cli.safe_text import safe
    from airunner.errors import StorageError

    command, *rest = line.split(maxsplit=1)
    try:
        match command, "".join(rest):
            case "/switch", wanted:
                history.switch(wanted)
            case "/title", title:
                history.retitle(title)
            case "/delete", wanted:
                history.delete(wanted, prompt.confirms)
            case "/new", "":
                history.begin()
            case "/conversations", "":
                history.list()
            case "/help", "":
                say(_HELP, aside=quiet)
            case "/new" | "/conversations" | "/help" | "/quit" | "/exit", _:
                complain(f"{command} stands alone. {_TWO_SLASHES}")
            case _:
                complain(f"There is no command {safe(command)}. {_TWO_SLASHES}")
                say(_HELP, aside=True)
    except (typer.BadParameter, StorageError) as error:
        complain(error)


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
