"""AI Runner: a team of local models on one ordinary machine.

Importing this package loads nothing heavy: the names below are resolved on
first use, and model libraries are only ever imported inside worker processes.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_EXPORTS = {
    "LLMModelManager": "airunner.components.llm.managers.llm_model_manager",
    "ModelCapability": "airunner.components.llm.config.model_capabilities",
    "ModelSpec": "airunner.components.llm.config.model_capabilities",
    "Runtime": "airunner.runtime",
    "Settings": "airunner.config.settings",
    "Toolset": "airunner.tools.toolset",
    "tool": "airunner.tools.tool",
}

__all__ = [
    "LLMModelManager",
    "ModelCapability",
    "ModelSpec",
    "Runtime",
    "Settings",
    "Toolset",
    "__version__",
    "tool",
]


def __getattr__(name: str) -> Any:
    try:
        module = _EXPORTS[name]
    except KeyError:
        raise AttributeError(f"module 'airunner' has no attribute {name!r}") from None
    return getattr(import_module(module), name)
