"""The composition root: everything put together, and the only global."""

from airunner.runtime.core import RuntimeCore
from airunner.runtime.runtime import AnyRuntime, Runtime

__all__ = ["AnyRuntime", "Runtime", "RuntimeCore"]
