"""What a chat begins with: who answers, what to expect of it, and how to find out more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airunner import __version__
from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY
from airunner.errors import AiRunnerError
from airunner.models.spec import ModelCapability, short_name

if TYPE_CHECKING:
    from airunner.runtime import AnyRuntime

_EMBEDDED = (
    "It is the embedded model, of 135 million parameters: it shows that everything works, "
    "and is no assistant. `airunner setup` gets a team that suits this machine."
)
_HOW = "/help lists the commands, Tab completes, Ctrl-D leaves."


def banner(runtime: AnyRuntime) -> list[str]:
    """The lines, each as long as it is."""
    try:
        model = runtime.resolve(ModelCapability.PRIMARY_CONVERSATION).spec.model_path
    except AiRunnerError as error:
        return [f"AI Runner {__version__}. {error}", _HOW]
    first = f"AI Runner {__version__}: {short_name(model)} answers."
    return [first, *([_EMBEDDED] if model == EMBEDDED_PRIMARY else []), _HOW]
