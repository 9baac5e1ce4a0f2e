"""``airunner run``: one answer of a specialised model."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from airunner.cli.attached import Images, read_pictures, with_pictures
from airunner.cli.flags import EXIT_FAILED, AsJson
from airunner.cli.streams import complain, give, prompt_text
from airunner.config.settings import Settings
from airunner.models.spec import ModelCapability


def run(
    settings: Settings,
    capability: Annotated[
        ModelCapability,
        typer.Argument(metavar="CAPABILITY", help="what is wanted, for example summarization"),
    ],
    text: Annotated[
        str, typer.Argument(metavar="TEXT|-", help="the prompt; - reads it from stdin")
    ] = "-",
    images: Images = None,
    as_json: AsJson = False,
) -> None:
    """Ask the model that serves CAPABILITY once.

    The answer goes to stdout; --max-tokens N limits it. For embedding, the
    answer is a vector, as a JSON list. Pictures go to a model that sees.
    """
    from airunner.cli.chat_screen import AnswerScreen
    from airunner.cli.console import print_json
    from airunner.cli.following import following
    from airunner.cli.team import running_team
    from airunner.events import Event, SpecialistFailed

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
        answer: str | None
        began_s = time.perf_counter()
        with AnswerScreen() as screen, following(runtime.bus, show):
            if capability is ModelCapability.EMBEDDING:
                answer = json.dumps(runtime.embed([prompt])[0])
            else:
                answer = runtime.use_specialized_model(capability, content, settings.max_tokens)
        took_s = time.perf_counter() - began_s
    problem = "; ".join(problems)
    if as_json:
        found = {"capability": capability, "model": model, "text": answer}
        print_json({**found, "problem": problem, "seconds": took_s})
    elif answer is not None:
        give(answer)
    if answer is None:
        complain(problem)
        raise typer.Exit(EXIT_FAILED)
