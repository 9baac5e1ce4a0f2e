"""Everything the rest of AI Runner asks of an engine, in one object.

Owns the base class that an engine's folder implements once, and the values that
cross it. Importing a descriptor loads no model library, nor the code that speaks to
a worker: its methods import what they need.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from airunner.devices.backend import Backend
from airunner.models.engine_traits import EngineTraits

if TYPE_CHECKING:
    from airunner.config.settings import Settings
    from airunner.devices.device import Device
    from airunner.engines.base import Launcher, Plan
    from airunner.models.memory.language import MemoryEstimate
    from airunner.models.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Variant:
    """One way a model could be loaded on a device, for people who compare.

    ``label`` is the way in words, ``facts`` the same as JSON-ready fields. ``chosen``
    marks the one that would be loaded now.
    """

    label: str
    facts: Mapping[str, Any]
    estimate: MemoryEstimate
    chosen: bool


class Plannable(Protocol):
    """The weights of one model, as far as planning a load needs to know them."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files, in the order in which a load reads them."""
        ...

    @property
    def kv_bytes_per_token(self) -> int:
        """Bytes of KV cache that a token takes; 0 for a model that keeps none."""
        ...

    @property
    def rolls_back(self) -> bool:
        """Whether a KV state can be cut anywhere; see ``GgufFile.rolls_back``."""
        ...

    def plan(
        self, spec: ModelSpec, device: Device, budget_bytes: int
    ) -> tuple[Plan, MemoryEstimate]:
        """How to load it on ``device``, and what that takes.

        Where nothing fits the budget it is what takes least, so that a refusal names
        the deficit.
        """
        ...

    def variants(
        self, spec: ModelSpec, device: Device, plan: Plan, estimate: MemoryEstimate
    ) -> Sequence[Variant]:
        """What ``plan`` returned, and other ways to compare it with."""
        ...


Planner = Callable[[Path], Plannable]
"""Reads the weights at a path from their metadata alone, under one set of settings.

For an engine that needs none, the path is the model's name. Raises
``MissingWeightsError``, ``CorruptWeightsError`` and ``UnsupportedArchitectureError``.
"""


@dataclass(frozen=True, slots=True)
class InstallationProblem:
    """Something wrong with an engine's installation, and what to do about it."""

    what: str
    remedy: str
    prevents_running: bool


@dataclass(frozen=True, slots=True)
class Installation:
    """What is installed of an engine: its library and version, and what is wrong with it."""

    name: str
    problems: tuple[InstallationProblem, ...] = ()


class EngineDescriptor(ABC):
    """One engine. What is not abstract is right for one that computes on the CPU.

    ``library`` is what people know it by, ``work`` what its models do, in words.
    """

    traits: EngineTraits
    library: str
    work: str

    @abstractmethod
    def planner(self, settings: Settings) -> Planner:
        """What reads weights and plans loads, as ``settings`` want them."""

    @abstractmethod
    def launcher(self, settings: Settings, run_dir: Path) -> Launcher[Any]:
        """What starts its workers. ``run_dir`` is a private folder for the length of a run."""

    def is_installed(self) -> bool:
        """Whether its library is here; looks for it without importing it."""
        return True

    def backend(self, settings: Settings) -> Backend:
        """What its build computes on; asked only where it is installed and there is a GPU."""
        return Backend(frozenset(), self.traits.talks, self.work, self.library)

    def fit(self, settings: Settings, tell: Callable[[str], None]) -> bool:
        """Install the build of its library that suits this machine; whether that was another.

        ``tell`` is given a line for each thing that a user should know. May take minutes.

        Raises:
            EngineBuildError: the build that ``settings`` names cannot be used.
        """
        return False

    def examine(self, settings: Settings) -> Installation:
        """Its installation, for ``airunner doctor``; may take seconds."""
        return Installation(self.library)
