"""``airunner chat``: a conversation with the primary, or one question.

Owns the prompt and how a turn is interrupted; ``chat_screen`` owns what is seen.
"""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from airunner.cli.flags import EXIT_FAILED, EXIT_INTERRUPTED
from airunner.settings import Settings

if TYPE_CHECKING:
    from airunner.agent.conversation import Conversation
    from airunner.cli.following import Follower
    from airunner.events import TurnFinished
    from airunner.runtime import Runtime

_HELP = """\
/new    forget this conversation and begin another
/help   this list
/quit   leave, as Ctrl-D does; Ctrl-C breaks off an answer"""


def chat(
    settings: Settings,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", "-p", metavar="TEXT", help="ask once and leave; - reads stdin"),
    ] = None,
    system: Annotated[
        str | None, typer.Option(metavar="TEXT", help="instructions the conversation begins with")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print every event as a line of JSON")
    ] = False,
) -> None:
    """Talk with the primary model.

    It calls tools, and these use specialised models. With -p, the answer goes
    to stdout and everything else to stderr. A tool that changes something asks
    first; where nobody can answer, because stdin is no terminal, it is denied.
    Exits 0 when answered, 1 on failure, 130 when interrupted.
    """
    from airunner.agent.conversation import Conversation
    from airunner.cli.chat_screen import AnswerScreen, JsonScreen, TalkScreen
    from airunner.cli.following import following
    from airunner.cli.team import running_team

    text = sys.stdin.read().strip() if prompt == "-" else prompt
    if text is not None and not text.strip():
        raise typer.BadParameter("the prompt is empty", param_hint="--prompt")
    screen = JsonScreen() if as_json else TalkScreen() if text is None else AnswerScreen()
    conversation = Conversation.begin(system or "")
    with (
        running_team(settings, "chat") as runtime,
        screen,
        following(runtime.bus, screen.show) as follower,
    ):
        if text is None:
            _talk(runtime, conversation, follower, quiet=as_json)
            return
        finished = _take_turn(runtime, conversation, text, follower)
    if finished is None:
        raise KeyboardInterrupt
    if finished.outcome not in ("answered", "step_limit"):
        raise typer.Exit(EXIT_INTERRUPTED if finished.outcome == "cancelled" else EXIT_FAILED)


def _talk(runtime: Runtime, conversation: Conversation, follower: Follower, *, quiet: bool) -> None:
    """Turn after turn, until the user leaves."""
    system = "".join(message.content for message in conversation.head)
    sign = "" if quiet or not sys.stdin.isatty() else "> "
    if sign:
        import readline  # noqa: F401  (imported for line editing and history in input())

        typer.echo("/help lists the commands; Ctrl-D leaves.")
    _ = runtime.toolset  # what has to be started for it, starts before the first question
    while (text := _ask(sign)) is not None:
        match text.strip():
            case "":
                continue
            case "/quit" | "/exit":
                return
            case "/new":
                conversation = type(conversation).begin(system)
            case "/help":
                typer.echo(_HELP, err=quiet)
            case said if said.startswith("/") and " " not in said:
                typer.echo(f"There is no command {said}.\n{_HELP}", err=True)
            case _:
                _take_turn(runtime, conversation, text, follower)
                follower.wait()


def _ask(sign: str) -> str | None:
    """The next line, or ``None`` for Ctrl-C, Ctrl-D and the end of a file."""
    try:
        return input(sign)
    except (EOFError, KeyboardInterrupt):
        if sign:
            typer.echo()
        return None


def _take_turn(
    runtime: Runtime, conversation: Conversation, text: str, follower: Follower
) -> TurnFinished | None:
    """Run one turn, shown by ``follower``; ``None`` if Ctrl-C broke it off."""
    from airunner.cli.question import ask
    from airunner.events import PermissionAsked, TurnFinished

    finished: TurnFinished | None = None
    turn = runtime.turn(conversation, text, may_ask=sys.stdin.isatty())
    try:
        # Closed whatever happens: a turn that waits for an answer never ends by itself.
        with closing(turn):
            for event in turn:
                follower.check()
                if isinstance(event, PermissionAsked):
                    follower.wait()
                    runtime.answer(event.question, ask(event))
                elif isinstance(event, TurnFinished):
                    finished = event
    except KeyboardInterrupt:
        return None
    return finished
