"""``airunner run``: one answer of a specialised model."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from airunner.cli.attached import Images, read_pictures, with_pictures
from airunner.cli.capability import Capability
from airunner.cli.flags import EXIT_FAILED, AsJson
from airunner.cli.piped import prompt_text
from airunner.cli.streams import complain, give
from airunner.config.settings import Settings
from airunner.models.spec import ModelCapability

if TYPE_CHECKING:
    from airunner.cli.following import Follower
    from airunner.runtime import AnyRuntime


def run(
    settings: Settings,
    capability: Capability,
    text: Annotated[
        str,
        typer.Argument(metavar="TEXT|-", help="the prompt, and what is piped; - is that alone"),
    ] = "-",
    images: Images = None,
    as_json: AsJson = False,
) -> None:
    """Ask the model that serves CAPABILITY once.

    The answer goes to stdout as it is written; --max-tokens N limits it. A text that is to be
    summarized may be of any length: it is worked through in parts. For embedding,
    the answer is a vector, as a JSON list; for image_generation a picture, of which
    the path is printed. Pictures go to a model that sees.
    """
    from airunner.cli.chat_screen import AnswerScreen
    from airunner.cli.console import print_json
    from airunner.cli.following import following
    from airunner.cli.team import running_team
    from airunner.events import Event, SpecialistFailed

    if capability is ModelCapability.IMAGE_GENERATION:
        _draw(settings, text, images, as_json=as_json)
        return
    pictures = read_pictures(images)
    prompt = prompt_text(text, "TEXT")
    if pictures and capability is ModelCapability.EMBEDDING:
        raise typer.BadParameter("only text can be embedded", param_hint="--image")
    content = with_pictures(prompt, pictures)
    problems: list[str] = []

    def show(event: Event) -> None:
        if isinstance(event, SpecialistFailed):
            problems.append(event.problem)
        else:
            screen.show(event)

    with running_team(settings, "run") as runtime:
        model = runtime.resolve(capability).spec.model_path
        if capability is ModelCapability.PRIMARY_CONVERSATION and settings.primary:
            _check_served(runtime, model)
        answer: str | None
        began_s = time.perf_counter()
        with AnswerScreen(shows_results=False) as screen, following(runtime.bus, show) as follower:
            if capability is ModelCapability.EMBEDDING:
                answer = json.dumps(runtime.embed([prompt])[0])
            elif capability is ModelCapability.SUMMARIZATION and _is_long(prompt):
                outcome = runtime.call_tool("summarize_text", {"text": prompt}, by_user=True)
                answer = None if outcome.problem else outcome.message.text
                problems += filter(None, [outcome.problem])
            elif as_json:
                answer = runtime.use_specialized_model(capability, content, settings.max_tokens)
            else:
                pieces = runtime.stream_specialized_model(capability, content, settings.max_tokens)
                if not show_answer(pieces, follower):
                    raise typer.Exit(EXIT_FAILED)
                return
        took_s = time.perf_counter() - began_s
    has_answer = answer is not None and bool(answer.strip())
    if answer is not None and not has_answer:
        problems.append("no answer: the model said nothing")
    problem = "; ".join(problems)
    if as_json:
        found = {"capability": capability, "model": model, "text": answer}
        print_json({**found, "problem": problem, "seconds": took_s})
    elif answer is not None and has_answer:
        _give(answer, is_text=capability is not ModelCapability.EMBEDDING)
    if not has_answer:
        complain(problem)
        raise typer.Exit(EXIT_FAILED)


def _check_served(runtime: AnyRuntime, primary: str) -> None:
    """Refuse another primary than that of a server: only the turns of a chat name theirs."""
    from airunner.errors.pasted import pasted

    serving = {row["capability"]: row["model"] for row in runtime.model_list()["serving"]}
    serves = serving[ModelCapability.PRIMARY_CONVERSATION]
    if serves != primary:
        command = pasted("airunner", "chat", "-p", "TEXT", "--primary", primary)
        told = f"the server asks {serves}; `{command}` asks this one"
        raise typer.BadParameter(told, param_hint="--primary")


def show_answer(pieces: Generator[str, None, None], follower: Follower) -> bool:
    """Have an answer shown as it is written, like a chat's; whether there is one, and whole."""
    from airunner.cli.turn_ending import is_answered
    from airunner.errors import AiRunnerError
    from airunner.events import TextStreamed, TurnFinished

    text = problem = ""
    began_s = time.perf_counter()
    try:
        with closing(pieces):
            for piece in pieces:
                follower.check()
                if more := piece if text else piece.lstrip():
                    follower.take(TextStreamed(turn="", text=more))
                    text += more
    except AiRunnerError as error:
        problem = str(error)
    finished = TurnFinished(
        turn="",
        outcome="failed" if problem else "answered",
        text=text,
        steps=1,
        total_s=time.perf_counter() - began_s,
        problem=problem,
    )
    follower.take(finished)
    return is_answered(finished)


def _give(answer: str, *, is_text: bool) -> None:
    """As it is into a pipe, rendered on a terminal."""
    from airunner.cli.console import moves_cursor, out
    from airunner.cli.rendered_answer import rendered
    from airunner.cli.safe_text import safe

    console = out()
    if is_text and moves_cursor(console):
        console.print(rendered(safe(answer)))
    else:
        give(answer)


def _is_long(text: str) -> bool:
    """Whether a specialist that is loaded with its smallest context could not take it at once."""
    from airunner.toolbox.text.asking import PASSAGE_TOKENS
    from airunner.tools.passages import estimated_tokens

    return estimated_tokens(text) > PASSAGE_TOKENS


def _draw(settings: Settings, text: str, images: list[Path] | None, *, as_json: bool) -> None:
    """What `airunner image` does with words alone."""
    from airunner.cli.image import draw_shown, print_result
    from airunner.cli.team import running_team
    from airunner.engines.image import ImageRequest

    if images:
        raise typer.BadParameter(
            "`airunner image --from IMG` starts from a picture", param_hint="--image"
        )
    request = ImageRequest(prompt_text(text, "TEXT"))
    with running_team(settings, "run") as runtime:
        result = draw_shown(runtime, request)
    print_result(result, None, as_json=as_json)
