"""Tools that draw: from a description, from an earlier picture, or again.

Owns the order of the models in a drawing (both prompts enhanced in one stay of
the enhancer, then the picture, and the primary back only after that) and what
the primary is told about it: names and settings of pictures, never pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field

from airunner.engines.image import Drawn, ImageRequest
from airunner.errors import (
    AiRunnerError,
    ImageRequestError,
    ToolError,
    ToolFailedError,
    ToolRetryError,
)
from airunner.models.spec import ModelCapability
from airunner.toolbox.examples import with_examples
from airunner.toolbox.pictures.prompt_enhancement import Enhanced, enhance_prompts
from airunner.tools.api import ToolApi
from airunner.tools.tool import tool
from airunner.tools.toolset import Toolset

T = TypeVar("T")

_PIXEL_STEP = 8
_SHORT_CHANGE_WORDS = 4
_TOLD_SETTINGS = 300
_PREVIEW_EVERY = 4

_Prompt = Annotated[str, Field(max_length=600)]
_Count = Annotated[int, Field(ge=1, le=4)]
_Seed = Annotated[int | None, Field(ge=0, le=2**32 - 1)]
_Strength = Annotated[float, Field(gt=0, le=1)]
_PictureName = Annotated[str, Field(max_length=255)]


@tool(
    permission="write",
    uses=(ModelCapability.PROMPT_ENHANCEMENT, ModelCapability.IMAGE_GENERATION),
)
def generate_image(
    prompt: _Prompt,
    second_prompt: _Prompt = "",
    negative_prompt: _Prompt = "",
    width: Annotated[int | None, Field(ge=16, le=4096)] = None,
    height: Annotated[int | None, Field(ge=16, le=4096)] = None,
    count: _Count = 1,
    seed: _Seed = None,
    enhance: bool = True,
    api: Any = None,
) -> str:
    """Draw a picture from a description.

    Args:
        prompt: what the picture shows, such as a dark fantasy dragon.
        second_prompt: its mood or style, such as mysterious atmosphere.
        negative_prompt: what it must not show.
        width: pixels, if the user asks for a size.
        height: pixels, if the user asks for a size.
        count: how many pictures.
        seed: a number that repeats an earlier drawing.
        enhance: false to draw the words exactly as they are.
    """
    name = "generate_image"
    models = _models(name, api)
    if not prompt.strip():
        raise ToolRetryError("prompt is empty; say what the picture is to show.")
    request = ImageRequest(
        prompt.strip(),
        count=count,
        second_prompt=second_prompt.strip() or None,
        negative_prompt=negative_prompt.strip() or None,
        width=_multiple(width),
        height=_multiple(height),
        seed=seed,
    )
    given = (request.prompt, request.second_prompt or "")

    def enhancing() -> None:
        models.report("enhancing the prompt")
        models.prepare_drawing()

    try:
        models.pictures.check()  # before any model is loaded
    except AiRunnerError as error:
        raise ToolFailedError(name, f"nothing was drawn. {error}") from error
    with models.series():
        enhanced = Enhanced(given)
        if enhance and not _reads_plain_words(models):
            enhanced = enhance_prompts(models, given, enhancing)
        first, second = enhanced.prompts
        drawn = _draw(name, models, replace(request, prompt=first, second_prompt=second or None))
    return _told(drawn, enhanced, given)


@tool(
    permission="write",
    uses=(ModelCapability.IMAGE_GENERATION,),
)
def vary_image(
    picture: _PictureName = "",
    count: _Count = 1,
    seed: _Seed = None,
    strength: Annotated[float | None, Field(gt=0, le=1)] = None,
    api: Any = None,
) -> str:
    """Draw variations of an earlier picture, from the same description.

    Args:
        picture: the file name of the picture; empty for the last one.
        count: how many variations.
        seed: the number to draw with, at random without it.
        strength: 0 to 1 to start from the picture itself; without it, from noise.
    """
    name = "vary_image"
    models = _models(name, api)
    source = _picture(models, picture)
    request = _as_drawn(source, models.pictures.settings(source))
    request = replace(request, count=count, seed=seed)
    if strength is not None:
        request = replace(request, init_image=source, strength=strength, width=None, height=None)
    drawn = _draw(name, models, request)
    return f"Variations of {source.name}. {_told(drawn)}"


@tool(
    permission="write",
    uses=(ModelCapability.IMAGE_GENERATION,),
)
def transform_image(
    prompt: _Prompt,
    picture: _PictureName = "",
    strength: _Strength = 0.6,
    seed: _Seed = None,
    api: Any = None,
) -> str:
    """Draw an earlier picture anew, changed.

    Args:
        prompt: what the picture shows afterwards.
        picture: the file name of the picture; empty for the last one.
        strength: 0 to 1, how much may change.
        seed: a number that repeats an earlier drawing.
    """
    name = "transform_image"
    models = _models(name, api)
    wanted = prompt.strip()
    if not wanted:
        raise ToolRetryError("prompt is empty; say what the picture is to show afterwards.")
    source = _picture(models, picture)
    before = _as_drawn(source, models.pictures.settings(source))
    # "at night" alone says too little of what is to be seen.
    if len(wanted.split()) < _SHORT_CHANGE_WORDS and before.prompt != source.stem:
        wanted = f"{before.prompt}, {wanted}"
    request = ImageRequest(
        wanted,
        seed=seed,
        negative_prompt=before.negative_prompt,
        init_image=source,
        strength=strength,
    )
    drawn = _draw(name, models, request)
    return f"Drawn from {source.name}. {_told(drawn)}"


@tool(
    permission="read",
)
def describe_image_settings(picture: _PictureName = "", api: Any = None) -> str:
    """Tell the prompt, seed and other settings that an earlier picture was drawn with.

    Args:
        picture: the file name of the picture; empty for the last one.
    """
    models = _models("describe_image_settings", api)
    source = _picture(models, picture)
    settings = models.pictures.settings(source)
    if not settings:
        return f"{source.name} does not say what it was drawn with."
    lines = (f"{key}: {value[:_TOLD_SETTINGS]}" for key, value in settings.items())
    return "\n".join((f"{source.name} was drawn with", *lines))


def image_toolset() -> Toolset:
    """The tools of this module."""
    tools = (generate_image, vary_image, transform_image, describe_image_settings)
    return Toolset(with_examples(tools), "pictures")


def _models(name: str, api: Any) -> ToolApi:
    if api is None:
        raise ToolFailedError(name, "it was called without the models it works with (api)")
    models: ToolApi = api
    return models


def _reads_plain_words(models: ToolApi) -> bool:
    """Whether the words are to stay as they are; drawing itself tells of what is wrong."""
    try:
        return models.draws_plain_words()
    except AiRunnerError:
        return False


def _draw(name: str, models: ToolApi, request: ImageRequest) -> Drawn:
    models.report("drawing" if request.count == 1 else f"drawing {request.count} pictures")
    try:
        return models.draw(replace(request, preview_every=_PREVIEW_EVERY))
    except ToolError:
        raise
    except ImageRequestError as error:
        if request.negative_prompt:  # models that draw without guidance take none
            return _draw(name, models, replace(request, negative_prompt=None))
        raise ToolRetryError(f"nothing was drawn. {error}") from error
    except AiRunnerError as error:
        raise ToolFailedError(name, f"nothing was drawn. {error}") from error


def _picture(models: ToolApi, name: str) -> Path:
    """The picture of that name, or the last one."""
    found = models.pictures.find(name) if name.strip() else models.pictures.newest()
    if found is not None:
        return found
    newest = models.pictures.newest()
    if newest is None:
        raise ToolRetryError("there is no picture yet; draw one with generate_image first.")
    raise ToolRetryError(
        f"there is no picture called {name.strip()!r}; leave picture empty for the last one, "
        f"{newest.name!r}."
    )


def _as_drawn(picture: Path, settings: Mapping[str, str]) -> ImageRequest:
    """The request that drew a picture, but for its seed. What its file does not say is left out."""
    width, height = _size(settings)
    return ImageRequest(
        settings.get("prompt") or picture.stem,
        second_prompt=settings.get("second_prompt") or None,
        negative_prompt=settings.get("negative_prompt") or None,
        width=width,
        height=height,
        steps=_number(settings.get("steps"), int),
        guidance=_number(settings.get("guidance"), float),
        scheduler=settings.get("scheduler") or None,
    )


def _size(settings: Mapping[str, str]) -> tuple[int | None, int | None]:
    width, _, height = settings.get("size", "").partition("x")
    return (
        _number(settings.get("width", width), int),
        _number(settings.get("height", height), int),
    )


def _number(text: str | None, kind: Callable[[str], T]) -> T | None:
    """A file can say anything where a number should be."""
    try:
        return kind(text) if text else None
    except ValueError:
        return None


def _multiple(pixels: int | None) -> int | None:
    return pixels if pixels is None else max(pixels // _PIXEL_STEP, 2) * _PIXEL_STEP


def _told(drawn: Drawn, enhanced: Enhanced | None = None, given: Sequence[str] = ()) -> str:
    """What the primary learns of a drawing."""
    pictures = drawn.pictures
    listed = "; ".join(f"{p.path.name} ({p.width}x{p.height}, seed {p.seed})" for p in pictures)
    if len(pictures) == 1:
        text = f"Drew a picture and saved it as {listed}."
    else:
        text = f"Drew {len(pictures)} pictures and saved them as {listed}."
    if enhanced is None:
        return text
    if enhanced.prompts == tuple(given):
        text += f" It shows: {given[0]}."
    else:
        text += f" The enhanced prompt was: {', '.join(p for p in enhanced.prompts if p)}."
    return f"{text} ({enhanced.problem}.)" if enhanced.problem else text
