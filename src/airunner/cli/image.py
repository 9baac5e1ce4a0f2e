"""``airunner image``: a picture from a description, or from another picture.

Owns the way from flags to a request, and what is shown of the drawing.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from airunner.cli.flags import AsJson
from airunner.cli.piped import prompt_text
from airunner.cli.streams import say, tell
from airunner.config.settings import Settings
from airunner.config.values import pixels
from airunner.models.spec import ModelCapability

if TYPE_CHECKING:
    from airunner.cli.terminal_picture import Protocol
    from airunner.engines.image import Drawn, ImageRequest, Lora
    from airunner.events import Event
    from airunner.runtime import AnyRuntime

_WHOLE_STRENGTH = 1.0
_DEFAULT_STRENGTH = 0.6


def _file(name: str) -> Path:
    if not Path(name).is_file():
        raise typer.BadParameter(f"there is no file {name}")
    return Path(name).absolute()


def image(
    settings: Settings,
    prompt: Annotated[
        str,
        typer.Argument(metavar="TEXT|-", help="what to draw, and what is piped; - is that alone"),
    ],
    second: Annotated[
        str | None, typer.Option(metavar="TEXT", help="for the model's second text encoder")
    ] = None,
    negative: Annotated[
        str | None, typer.Option(metavar="TEXT", help="what the picture must not show")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="pixels, for example 512x512")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=500, help="denoising steps")] = None,
    guidance: Annotated[
        float | None, typer.Option(min=0, max=100, help="how closely to follow the words")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="repeats a drawing; else random")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=64, help="pictures of the batch")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(metavar="NAME", help="such as euler_a or dpmpp_2m_karras")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="a registered image model")
    ] = None,
    lora: Annotated[
        list[str] | None, typer.Option(metavar="FILE[:SCALE]", help="an adapter; may be repeated")
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option("--from", parser=_file, metavar="IMG", help="start from this picture"),
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(parser=_file, metavar="IMG", help="white where --from may change")
    ] = None,
    strength: Annotated[
        float | None, typer.Option(min=0, max=1, help="how far from --from to go (0.6)")
    ] = None,
    enhance: Annotated[
        bool, typer.Option("--enhance/--no-enhance", help="first let the prompt model add detail")
    ] = False,
    show: Annotated[
        bool | None,
        typer.Option("--show/--no-show", help="the picture in the terminal; default: if it can"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw a picture and save it to the pictures folder.

    Its path goes to stdout, everything else to stderr. Exits 130 when
    interrupted; nothing is saved then.
    """
    from airunner.cli.team import running_team
    from airunner.cli.terminal_picture import terminal_protocol
    from airunner.engines.image import ImageRequest

    text = prompt_text(prompt, "TEXT")
    if init is None and (mask is not None or strength is not None):
        raise typer.BadParameter("needs --from", param_hint="--mask" if mask else "--strength")
    width, height = _parse_size(size)
    if width is not None and height is not None and _is_larger((width, height), settings):
        settings = settings.replace(image_size=(width, height))
    if init is not None and strength is None:
        strength = _DEFAULT_STRENGTH if mask is None else _WHOLE_STRENGTH
    request = ImageRequest(
        text,
        count=count,
        second_prompt=second,
        negative_prompt=negative,
        width=width,
        height=height,
        steps=steps,
        guidance=guidance,
        seed=seed,
        scheduler=scheduler,
        loras=tuple(_parse_lora(given) for given in lora or ()),
        init_image=init,
        mask=mask,
        strength=strength,
    )
    protocol = None
    if show is not False and not as_json:
        protocol = terminal_protocol(is_terminal=sys.stdout.isatty())
        if show and protocol is None:
            tell("this terminal cannot show pictures; kitty, WezTerm, iTerm2 can", aside=True)
    with running_team(settings, "image") as runtime:
        result = draw_shown(runtime, request, model=model, enhance=enhance)
    print_result(result, protocol, as_json=as_json)


def draw_shown(
    runtime: AnyRuntime, request: ImageRequest, *, model: str | None = None, enhance: bool = False
) -> dict[str, Any]:
    """Draw, with everything that happens shown on stderr; the result, ready for JSON.

    An interrupt cancels the drawing and goes on to the caller.
    """
    from dataclasses import replace

    from airunner.cli.chat_screen import AnswerScreen
    from airunner.cli.following import following
    from airunner.events import PictureSaved
    from airunner.toolbox.pictures.prompt_enhancement import enhance_prompts

    prompt, problem = request.prompt, ""

    def show(event: Event) -> None:
        if not isinstance(event, PictureSaved):  # its path is the result
            screen.show(event)

    with AnswerScreen() as screen, following(runtime.bus, show) as follower:
        if enhance and _draws_plain_words(runtime, model):
            problem = "this model understands plain words only"
        elif enhance:
            better = enhance_prompts(runtime, (request.prompt, request.second_prompt or ""))
            problem = better.problem
            first, second = better.prompts
            request = replace(request, prompt=first, second_prompt=second or None)
        if problem:
            tell(f"drawing your words as they are: {problem}", aside=True)
        with closing(runtime.draw(request, model=model)) as events:
            drawn = _end_of(events, follower.check)
    return {
        "prompt": prompt,
        "drawn_prompt": request.prompt,
        "drawn_second_prompt": request.second_prompt,
        "problem": problem,
        "seconds": drawn.seconds,
        "pictures": [asdict(picture) | {"path": str(picture.path)} for picture in drawn.pictures],
    }


def _draws_plain_words(runtime: AnyRuntime, model: str | None) -> bool:
    named = runtime.catalog.spec(model) if model else None
    return (named or runtime.resolve(ModelCapability.IMAGE_GENERATION).spec).reads_plain_words


def _end_of(events: Generator[Event, None, Drawn], check: Any) -> Drawn:
    """Let the drawing happen; ``check`` raises if nobody can see it any more."""
    while True:
        try:
            next(events)
        except StopIteration as end:
            drawn: Drawn = end.value
            return drawn
        check()


def print_result(result: dict[str, Any], protocol: Protocol | None, *, as_json: bool) -> None:
    """The pictures' paths, or all that is known of the drawing as JSON."""
    from airunner.cli.console import print_json
    from airunner.cli.terminal_picture import picture_in_terminal

    if as_json:
        print_json(result)
        return
    for picture in result["pictures"]:
        if protocol is not None:
            sys.stdout.write(picture_in_terminal(Path(picture["path"]), protocol))
        say(picture["path"])


def _parse_size(size: str | None) -> tuple[int | None, int | None]:
    if size is None:
        return None, None
    try:
        return pixels(size)
    except ValueError as problem:
        raise typer.BadParameter(str(problem), param_hint="--size") from None


def _is_larger(size: tuple[int, int], settings: Settings) -> bool:
    planned = settings.image_size
    return planned is None or size[0] * size[1] > planned[0] * planned[1]


def _parse_lora(given: str) -> Lora:
    """``FILE`` or ``FILE:SCALE``; a file whose name ends like a scale is taken as a file."""
    from airunner.engines.image import Lora

    name, separator, scale = given.rpartition(":")
    if separator and not Path(given).exists():
        try:
            return Lora(_file(name), float(scale))
        except ValueError:
            raise typer.BadParameter(f"{scale!r} is no number", param_hint="--lora") from None
    return Lora(_file(given))
