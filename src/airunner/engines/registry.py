"""The engines that there are, by name: built in, registered by a program, or installed.

An installed package brings one through an entry point of the group ``airunner.engines``:
an ``EngineDescriptor``, or something without parameters that returns one, such as its
class. Installing a package is the user's decision to trust it; one that is broken is
reported and left out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from airunner.devices.backend import Backend
from airunner.engines.descriptor import EngineDescriptor, Planner
from airunner.errors import InvalidEngineError
from airunner.models.engine_traits import EngineTraits

if TYPE_CHECKING:
    from airunner.config.settings import Settings

GROUP = "airunner.engines"
_log = logging.getLogger(__name__)


class EngineRegistry(Mapping[str, EngineDescriptor]):
    """Engines by name, in the order in which they were registered.

    ``refused`` says of each installed package's engine that was left out, why.
    """

    def __init__(self, engines: Iterable[EngineDescriptor] = ()) -> None:
        self._engines: dict[str, EngineDescriptor] = {}
        self.refused: dict[str, str] = {}
        for engine in engines:
            self.register(engine)

    def register(self, engine: EngineDescriptor) -> None:
        """Add an engine; a runtime knows those that were there when it was made.

        Raises:
            InvalidEngineError: it is no descriptor, or another one has its name.
        """
        if not isinstance(engine, EngineDescriptor):
            raise InvalidEngineError(repr(engine), "it is no EngineDescriptor")
        name = engine.traits.name
        if name in self._engines:
            raise InvalidEngineError(name, "another engine has this name")
        self._engines[name] = engine

    def add_installed(self) -> None:
        """Register the engines of installed packages; what is wrong with one is logged."""
        for entry in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
            origin = f"package {entry.dist.name}" if entry.dist else f"entry point {entry.name}"
            try:
                self.register(_load(entry))
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
                self.refused[f"{entry.name} ({origin})"] = problem
                _log.warning("The engine %s of %s is left out: %s", entry.name, origin, problem)

    @property
    def traits(self) -> dict[str, EngineTraits]:
        """What the catalogue has to know of each."""
        return {name: engine.traits for name, engine in self._engines.items()}

    def backends(self, settings: Settings) -> dict[str, Backend]:
        """What each installed engine's build computes on."""
        installed = {n: engine for n, engine in self._engines.items() if engine.is_installed()}
        return {name: engine.backend(settings) for name, engine in installed.items()}

    def planners(self, settings: Settings) -> dict[str, Planner]:
        """What measures the weights of each."""
        return {name: engine.planner(settings) for name, engine in self._engines.items()}

    def __getitem__(self, name: str) -> EngineDescriptor:
        return self._engines[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._engines)

    def __len__(self) -> int:
        return len(self._engines)


def _load(entry: EntryPoint) -> EngineDescriptor:
    value = entry.load()
    found: EngineDescriptor = value() if callable(value) else value
    return found
