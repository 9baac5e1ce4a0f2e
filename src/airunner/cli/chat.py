"""``airunner chat``: a conversation with the primary, or one question.

Owns the command and what it puts together: ``talk`` takes the turns, ``prompt`` reads the
lines, ``chat_screen`` owns what is seen, ``chat_history`` which conversation is held.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from airunner.cli.attached import Images, read_pictures, with_pictures
from airunner.cli.flags import EXIT_FAILED, EXIT_INTERRUPTED, is_verbose
from airunner.cli.piped import prompt_text
from airunner.cli.streams import tell
from airunner.config.settings import Settings

if TYPE_CHECKING:
    from airunner.cli.talk import Talk


def chat(
    settings: Settings,
    first: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="the first message, at a terminal")
    ] = None,
    asked: Annotated[
        str | None,
        typer.Option(
            "--prompt", "-p", metavar="TEXT", help="ask once, with what is piped, and leave"
        ),
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
    from airunner.cli.prompt import Prompt
    from airunner.cli.reminder_watch import ReminderWatch
    from airunner.cli.talk import Talk
    from airunner.cli.team import running_team
    from airunner.cli.turn_ending import is_answered
    from airunner.cli.typed_ahead import TypedAhead
    from airunner.errors import StorageError

    pictures = read_pictures(images)
    text = None if asked is None else prompt_text(asked, "--prompt")
    goes_on = going_on or wanted is not None
    if going_on and wanted is not None:
        raise typer.BadParameter("give one of --continue and --conversation")
    if goes_on and system is not None:
        raise typer.BadParameter("only a new conversation can begin with it", param_hint="--system")
    if first is not None and asked is not None:
        raise typer.BadParameter("give one of TEXT and --prompt")
    if first is not None and not sys.stdin.isatty():
        raise typer.BadParameter("-p asks it once, with what is piped", param_hint="TEXT")
    ahead = TypedAhead()
    screen: JsonScreen | TalkScreen
    if as_json:
        screen = JsonScreen()
    else:
        screen = AnswerScreen() if text is not None else TalkScreen(typed=lambda: ahead.text)
    remark = partial(tell, aside=as_json or text is not None)
    with running_team(settings, "chat") as runtime:

        def known() -> str:
            with suppress(StorageError):  # saving the talk tells what is wrong with the records
                return runtime.records.facts.in_words() if text is None else ""
            return ""

        history = ChatHistory(
            runtime.records,
            system or "",
            remark,
            known=known,
            keeps=text is None or goes_on,
            recounts=text is None or sys.stderr.isatty() or is_verbose(),
        )
        if goes_on:
            history.go_on(wanted)
        with screen, following(runtime.bus, screen.show) as follower:
            reminders = ReminderWatch(runtime.records.reminders, partial(tell, aside=True))
            prompt = Prompt(follower, reminders, rest=screen.rest, ahead=ahead, quiet=as_json)
            talk = Talk(runtime, history, follower, prompt, pictures=pictures, quiet=as_json)
            if text is None:
                _begin(talk, settings, first)
                talk.go_on(first)
                return
            finished = talk.take_turn(with_pictures(text, pictures))
    if finished is None:
        raise KeyboardInterrupt
    if not is_answered(finished):
        raise typer.Exit(EXIT_INTERRUPTED if finished.outcome == "cancelled" else EXIT_FAILED)


def _begin(talk: Talk, settings: Settings, first: str | None) -> None:
    """What has to be started for a talk, starts before the first question."""
    from airunner.errors import UnknownModelError
    from airunner.errors.pasted import pasted

    with suppress(UnknownModelError):
        name = talk.runtime.catalog.spec(first or "").model_path
        command = pasted("airunner", "chat", "--primary", name)
        raise typer.BadParameter(f"it is a model; `{command}` talks with it", param_hint="TEXT")
    if talk.prompt.at_terminal:
        from airunner.cli.banner import banner
        from airunner.cli.chat_commands import COMMANDS, arguments
        from airunner.cli.chat_completer import ChatCompleter
        from airunner.cli.line_editor import SIGN
        from airunner.cli.safe_text import safe

        for line in banner(talk.runtime):
            tell(line)
        commands = {name: command.meaning for name, command in COMMANDS.items()}
        talk.prompt.edit(settings.home, ChatCompleter(commands, arguments(talk)))
        if first is not None:
            tell(f"{SIGN}{safe(first)}")
    _ = talk.runtime.toolset
