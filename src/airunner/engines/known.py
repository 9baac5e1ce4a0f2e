"""The engines of this process: the one list of those that are built in.

Owns nothing but that list and the moment at which installed packages are looked for.
"""

from __future__ import annotations

import functools

from airunner.engines.descriptor import EngineDescriptor
from airunner.engines.diffusers.descriptor import Diffusers
from airunner.engines.llama_cpp.descriptor import LlamaCpp
from airunner.engines.registry import EngineRegistry


@functools.cache
def known_engines() -> EngineRegistry:
    """Every engine there is; installed packages are looked for at the first call."""
    registry = EngineRegistry((LlamaCpp(), Diffusers()))
    registry.add_installed()
    return registry


def register_engine(engine: EngineDescriptor) -> None:
    """Add an engine of one's own, before the runtime is made.

    Raises:
        InvalidEngineError: another one has its name.
    """
    known_engines().register(engine)
