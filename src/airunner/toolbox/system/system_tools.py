"""The tool that looks at AI Runner itself: its models, its memory, its decisions, its settings.

Owns how these are told to a model, in few words. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from airunner.config.byte_size import format_bytes
from airunner.errors import ToolFailedError
from airunner.tools.system_view import KnownModel, SystemView
from airunner.tools.tool import tool

_NAME = "about_airunner"
_DECISIONS = 10
_MOST_LISTED = 25
_MOST_NAMED = 40


@tool(
    permission="read",
)
def about_airunner(
    what: Literal["models", "memory", "decisions", "settings"], api: Any = None
) -> str:
    """Tell about this assistant itself: its AI models, their memory, why one was loaded or
    unloaded, its settings.

    Args:
        what: models for which there are and what each does, memory for what they take on each
            device, decisions for why a model was loaded, unloaded or has to wait, settings for
            limits such as the context length.
    """
    if api is None:
        raise ToolFailedError(_NAME, "it was called without the system it looks at (api)")
    return _ANSWERS[what](api.system)


def _models(system: SystemView) -> str:
    models = system.models()
    here = [m for m in models if m.is_here]
    away = [m for m in models if not m.is_here]
    lines = [_listed(here) if here else "No model is on this machine yet."]
    if away:
        names = _cut([m.name for m in away], _MOST_NAMED)
        lines.append(f"Not on this machine, but known: {', '.join(names)}.")
        lines.append("The command `airunner models pull NAME` fetches one.")
    return "\n".join(lines)


def _memory(system: SystemView) -> str:
    lines = []
    for device in system.devices():
        lost = f", {format_bytes(device.lost_bytes)} lost" if device.lost_bytes else ""
        lines.append(
            f"{device.device}: models use {format_bytes(device.held_bytes)} of the "
            f"{format_bytes(device.budget_bytes)} they may have, "
            f"{format_bytes(device.free_bytes)} free{lost}."
        )
    if not lines:
        return "No device may be used by models; `airunner doctor` says why."
    models = system.models()
    loaded = [f"- {m.name}: {_place(m)}" for m in models if m.is_loaded]
    lines += loaded or ["No model is loaded now."]
    parked_bytes = sum(m.parked_bytes for m in models)
    if parked_bytes:
        lines.append(
            f"Conversations of models that left memory are kept in {format_bytes(parked_bytes)}."
        )
    return "\n".join(lines)


def _decisions(system: SystemView) -> str:
    decided = system.decisions(_DECISIONS)
    if not decided:
        return "Nothing was decided about models since this run began."
    more = "`airunner explain` shows the whole run."
    return "\n".join(("The last decisions, oldest first:", *decided, more))


def _settings(system: SystemView) -> str:
    lines = [f"{name}: {value}" for name, value in system.settings().items()]
    return "\n".join((*lines, "`airunner doctor` shows all settings and how to change them."))


_ANSWERS: dict[str, Callable[[SystemView], str]] = {
    "models": _models,
    "memory": _memory,
    "decisions": _decisions,
    "settings": _settings,
}


def _listed(models: Sequence[KnownModel]) -> str:
    return "\n".join(_cut([f"- {_line(model)}" for model in models], _MOST_LISTED))


def _line(model: KnownModel) -> str:
    size = f" ({format_bytes(model.file_bytes)})" if model.is_here else ""
    if not model.is_here and model.expected_bytes:
        size = f" (needs about {format_bytes(model.expected_bytes)})"
    jobs = f"serves {_words(model.serves)}" if model.serves else f"for {_words(model.capabilities)}"
    return f"{model.name}{size}: {_place(model)}; {jobs}"


def _place(model: KnownModel) -> str:
    """Where a model is now."""
    pinned = ", stays loaded" if model.pinned else ""
    if model.is_loaded:
        held = format_bytes(model.held_bytes)
        return f"{model.state} on {model.device} with {held}{pinned}"
    if not model.is_here:
        return "not on this machine"
    if model.parked_bytes:
        return f"not loaded, {format_bytes(model.parked_bytes)} of conversations kept{pinned}"
    if model.state == "failed":
        return f"could not be loaded{pinned}"
    return f"not loaded{pinned}"


def _words(capabilities: Sequence[str]) -> str:
    return ", ".join(c.replace("_", " ") for c in capabilities) or "nothing"


def _cut(items: list[str], most: int) -> list[str]:
    """The first ``most`` items, and how many were left out."""
    left = len(items) - most
    if left <= 0:
        return items
    return [*items[:most], f"and {left} more (`airunner models list` shows all)"]
