"""Steps of the team in the words of a client's stream.

Owns the line that a step becomes, which clients show as reasoning or pass over, the header by
which they go without, and the field of a chunk in which the step stands as the event that it
was. What memory had to do meanwhile is such an event alone: it is nobody's thought.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar

from fastapi import Request

from airunner.durations import format_seconds
from airunner.errors import AiRunnerError
from airunner.events import (
    Event,
    HistoryTrimmed,
    ImageStepped,
    ModelLoaded,
    ModelLoadFailed,
    ModelParked,
    ModelRestored,
    PermissionDecided,
    PictureSaved,
    SpecialistFailed,
    ToolCallFinished,
    ToolCallStarted,
    ToolProgressed,
    WorkerDied,
)
from airunner.events.trimmed_words import trimmed_in_words
from airunner.models.spec import ModelCapability, short_name

OF_MODELS = (
    *(ModelLoaded, ModelLoadFailed, ModelParked, ModelRestored),
    *(SpecialistFailed, WorkerDied),
)
"""Steps that no turn is named in: what the team's memory had to do meanwhile."""

STEPS_HEADER = "X-AIRunner-Steps"
"""With ``events`` an answer has no lines of steps, but that of a history made shorter."""

_SHOWN_CHARACTERS = 200
_lines: ContextVar[bool] = ContextVar("airunner_step_lines", default=True)

Uses = Callable[[str], Mapping[ModelCapability, str]]
"""The capabilities that a tool needs, each with the model that serves it."""


def heed_steps(request: Request) -> None:
    """Heed the header of a request, for all that answers it."""
    _lines.set(request.headers.get(STEPS_HEADER, "").strip().lower() != "events")


def line_of(event: Event, uses: Uses) -> str | None:
    """What a person is told of a step, on one line; ``None`` if nothing."""
    # Shortening changes what the answer was made of, which nobody may miss.
    is_told = _lines.get() or isinstance(event, HistoryTrimmed)
    line = _line(event, uses) if is_told else None
    return None if line is None else _short(" ".join(line.split()))


def picture_link(event: PictureSaved) -> str:
    """A drawn picture in Markdown, by its path on the machine of the server."""
    return f"![picture](<{event.path}>)"


def _line(event: Event, uses: Uses) -> str | None:
    match event:
        case ToolCallStarted():
            arguments = ", ".join(
                f"{name}={json.dumps(value, ensure_ascii=False, default=str)}"
                for name, value in event.arguments.items()
            )
            models = "".join(
                f", with {short_name(model)} for {capability.value}"
                for capability, model in uses(event.tool).items()
            )
            return f"tool {event.tool}({_short(arguments)}){models}"
        case ToolProgressed():
            return f"tool {event.tool}: {event.text}"
        case ToolCallFinished(problem=""):
            return f"tool {event.tool} done in {format_seconds(event.seconds)}"
        case ToolCallFinished():
            return f"tool {event.tool} failed: {event.problem}"
        case HistoryTrimmed():
            return trimmed_in_words(event)
        case PictureSaved():
            return f"saved {event.path}"
        case _:
            return None


def is_step(event: Event) -> bool:
    """Whether a client is told of ``event`` in the extension field at all."""
    return isinstance(
        event,
        (
            *OF_MODELS,
            *(ToolCallStarted, ToolProgressed, ToolCallFinished, PermissionDecided),
            *(HistoryTrimmed, ImageStepped, PictureSaved),
        ),
    )


def models_of(
    capabilities: tuple[ModelCapability, ...], resolve: Callable[[ModelCapability], str]
) -> dict[ModelCapability, str]:
    """The models that serve ``capabilities``, as far as there are any."""
    found: dict[ModelCapability, str] = {}
    for capability in capabilities:
        try:
            found[capability] = resolve(capability)
        except AiRunnerError:
            continue  # the tool finds out, and says so
    return found


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
