"""The composition root: everything put together, and the only global."""

from airunner.runtime.core import RuntimeCore
from airunner.runtime.runtime import Runtime

__all__ = ["Runtime", "RuntimeCore"]
