"""AI Runner: a team of local models on one ordinary machine.

Importing this package loads nothing heavy: the names below are resolved on
first use, and model libraries are only ever imported inside worker processes.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_EXPORTS = {
    "Conversation": "airunner.agent.conversation",
    "GenerationFinished": "airunner.events",
    "LLMModelManager": "airunner.components.llm.managers.llm_model_manager",
    "ModelCapability": "airunner.components.llm.config.model_capabilities",
    "ModelSpec": "airunner.components.llm.config.model_capabilities",
    "PermissionAsked": "airunner.events",
    "Runtime": "airunner.runtime",
    "Settings": "airunner.config.settings",
    "TextStreamed": "airunner.events",
    "ToolCallFinished": "airunner.events",
    "ToolCallStarted": "airunner.events",
    "Toolset": "airunner.tools.toolset",
    "TurnFinished": "airunner.events",
    "TurnStarted": "airunner.events",
    "events": "airunner.events",
    "tool": "airunner.tools.tool",
}

__all__ = [
    "Conversation",
    "GenerationFinished",
    "LLMModelManager",
    "ModelCapability",
    "ModelSpec",
    "PermissionAsked",
    "Runtime",
    "Settings",
    "TextStreamed",
    "ToolCallFinished",
    "ToolCallStarted",
    "Toolset",
    "TurnFinished",
    "TurnStarted",
    "__version__",
    "events",
    "tool",
]


def __getattr__(name: str) -> Any:
    try:
        module = _EXPORTS[name]
    except KeyError:
        raise AttributeError(f"module 'airunner' has no attribute {name!r}") from None
    found = import_module(module)
    return found if module == f"{__name__}.{name}" else getattr(found, name)


def __dir__() -> list[str]:
    """The names on offer, for ``help()`` and completion, which cannot see what is not loaded."""
    return sorted({*globals(), *__all__})
