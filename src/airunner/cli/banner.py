"""What a chat begins with: who answers, what to expect of it, and how to find out more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airunner import __version__
from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY
from airunner.errors import AiRunnerError
from airunner.models.spec import ModelCapability, short_name
from airunner.models.toys import toy_words

if TYPE_CHECKING:
    from airunner.runtime import AnyRuntime

_TEAM = "`airunner setup` gets a team that suits this machine."
_HOW = "/help lists the commands, Tab completes, Ctrl-D leaves."


def banner(runtime: AnyRuntime) -> list[str]:
    """The lines, each as long as it is."""
    try:
        spec = runtime.resolve(ModelCapability.PRIMARY_CONVERSATION).spec
    except AiRunnerError as error:
        return [f"AI Runner {__version__}. {error}", _HOW]
    first = f"AI Runner {__version__}: {short_name(spec.model_path)} answers."
    if not spec.is_toy:
        return [first, _HOW]
    return [first, f"It is {toy_words(spec, spec.model_path == EMBEDDED_PRIMARY)} {_TEAM}", _HOW]
