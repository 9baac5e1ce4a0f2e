"""The composition root: everything put together, and the only global.

The names are resolved on first use: reading where the home folder keeps things, or which
devices there are, needs none of the parts.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airunner.runtime.core import RuntimeCore
    from airunner.runtime.runtime import AnyRuntime, Runtime

__all__ = ["AnyRuntime", "Runtime", "RuntimeCore"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "core" if name == "RuntimeCore" else "runtime"
    return getattr(import_module(f"{__name__}.{module}"), name)
