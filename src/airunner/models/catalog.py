"""The one catalogue: lookups and checks over the registry that users edit.

Owns finding a model by name or capability, choosing a stand-in when weights are
absent, and saying everything that is wrong with a registry at once. Holds the
live dictionaries: an entry added later is seen at once. Performs no I/O.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import get_args

from airunner.errors import (
    InvalidCatalogError,
    MissingWeightsError,
    UnknownEngineError,
    UnknownModelError,
    UnmappedCapabilityError,
    UnsuitedModelError,
)
from airunner.errors.base import alike
from airunner.errors.pasted import pasted
from airunner.models.engine_traits import FOLDER_SOURCES, EngineTraits
from airunner.models.spec import (
    ModelCapability,
    ModelSpec,
    RequantizedSource,
    Source,
    ToolCallingName,
    short_name,
)

Registry = Mapping[str, ModelSpec]
CapabilityMap = Mapping[ModelCapability, str]
Engines = Mapping[str, EngineTraits]

_WEIGHTS_SUFFIXES = (".gguf", ".safetensors")
_SUGGESTIONS = 3
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which model serves a capability now.

    ``wanted`` is the mapped model; ``reason`` is one plain line for the user
    when ``spec`` is another one, otherwise empty; ``advice`` is the command
    that would get the wanted one.
    """

    spec: ModelSpec
    wanted: ModelSpec
    reason: str = ""
    advice: str = ""

    @property
    def is_fallback(self) -> bool:
        """Whether another model than the mapped one was chosen."""
        return self.spec.model_path != self.wanted.model_path


def is_local_file(spec: ModelSpec) -> bool:
    """Whether ``model_path`` is a path to weights rather than a published name."""
    path = spec.model_path
    return (
        path.rstrip("/").lower().endswith(_WEIGHTS_SUFFIXES)
        or path.startswith(("/", "~", "./", "../"))
        or os.path.isabs(path)
    )


@dataclass(frozen=True, slots=True)
class Catalog:
    """The registry and the mapping of capabilities, as they are at each call.

    Attributes:
        registry: every model by name.
        mapping: the model wanted for each capability that has one.
        engines: those that there are, by name.
    """

    registry: Registry
    mapping: CapabilityMap
    engines: Engines

    def spec(self, name: str) -> ModelSpec:
        """The model of that name: whatever its case, a short name, or the end of one alone.

        ``qwen3-8b`` is ``Qwen/Qwen3-8B``, because no other name ends so.

        Raises:
            UnknownModelError: it is not registered, or several names end so; carries the
                nearest names.
        """
        if (found := self.registry.get(name)) is not None:
            return found
        named = self._named(name)
        if len(named) == 1:
            return named[0]
        near = [spec.model_path for spec in named][:_SUGGESTIONS] or self.similar(name)
        raise UnknownModelError(name, near)

    def spec_for(self, capability: ModelCapability, name: str) -> ModelSpec:
        """The registered model of this name, which serves ``capability``.

        Raises:
            UnknownModelError: see ``spec``.
            UnsuitedModelError: it does not serve the capability.
        """
        spec = self.spec(name)
        if capability not in spec.capabilities:
            raise UnsuitedModelError(spec.model_path, capability, spec.capabilities)
        return spec

    def _named(self, name: str) -> list[ModelSpec]:
        """Models that ``name`` may stand for, by the strictest rule that finds any."""
        wanted, specs = name.casefold(), list(self.registry.values())
        rules: list[Callable[[ModelSpec], bool]] = [
            lambda spec: spec.model_path.casefold() == wanted,
            lambda spec: wanted in spec.short_names,
            lambda spec: short_name(spec.model_path).casefold() == wanted,
            lambda spec: len(wanted) >= _SHORTEST and spec.model_path.casefold().endswith(wanted),
        ]
        found = (list(filter(rule, specs)) for rule in rules)
        return next(filter(None, found), [])

    def engine(self, spec: ModelSpec) -> EngineTraits:
        """The engine of a model.

        Raises:
            UnknownEngineError: there is none of that name.
        """
        try:
            return self.engines[spec.engine]
        except KeyError:
            raise UnknownEngineError(spec.model_path, spec.engine, list(self.engines)) from None

    def sources_of(self, spec: ModelSpec) -> list[Source]:
        """Where the weights come from: the spec's sources, or those its name suggests.

        An entry with the documented fields alone is enough: for ``publisher/name`` the
        engine knows where its weights are usually published.

        Raises:
            UnknownEngineError: see ``engine``.
        """
        if spec.sources or is_local_file(spec):
            return list(spec.sources)
        if len(PurePosixPath(spec.model_path).parts) != 2:
            return []
        return list(self.engine(spec).usual_sources(spec))

    def for_capability(self, capability: ModelCapability) -> ModelSpec:
        """The model mapped to ``capability``, whether its weights are here or not.

        Raises:
            UnmappedCapabilityError: no model is mapped.
            UnknownModelError: the mapped name is not registered.
        """
        try:
            name = self.mapping[capability]
        except KeyError:
            raise UnmappedCapabilityError(capability) from None
        return self.spec(name)

    def resolve(
        self,
        capability: ModelCapability,
        available: Callable[[ModelSpec], bool],
        fallback: str | None = None,
    ) -> Resolution:
        """Choose who serves ``capability`` with the weights at hand.

        1. The mapped model, if it is available.
        2. Otherwise the available model of highest priority that has the capability.
        3. Otherwise ``fallback``, the embedded model, available or not: it is
           small and can always be fetched.

        Raises:
            UnmappedCapabilityError: no model is mapped.
            UnknownModelError: a name is not registered.
            MissingWeightsError: nothing is available and there is no fallback.
        """
        wanted = self.for_capability(capability)
        if available(wanted):
            return Resolution(wanted, wanted)
        able = [s for s in self.registry.values() if capability in s.capabilities]
        able.sort(key=lambda spec: (spec.priority, spec.model_path), reverse=True)
        stand_in = next((s for s in able if s is not wanted and available(s)), None)
        if stand_in is not None:
            chosen = stand_in
        elif fallback is not None:
            chosen = self.spec(fallback)
        else:
            raise MissingWeightsError(wanted.model_path)
        advice = pasted("airunner", "models", "pull", wanted.model_path)
        reason = (
            f"{wanted.model_path} is not on this machine, so {chosen.model_path} serves "
            f"{capability.value}; `{advice}` gets it, `airunner setup` a whole team."
        )
        return Resolution(chosen, wanted, reason, advice)

    def validate(self) -> None:
        """Check the registry as a whole.

        Raises:
            InvalidCatalogError: lists every problem found, each with its remedy.
        """
        problems = [p for key, spec in self.registry.items() for p in self._problems(key, spec)]
        for capability, name in self.mapping.items():
            spec = self.registry.get(name)
            if spec is None:
                problems.append(f"{capability.value} is mapped to {name}, which is not registered")
            elif capability not in spec.capabilities:
                problems.append(
                    f"{capability.value} is mapped to {name}, which does not list that "
                    f"capability; add ModelCapability.{capability.name} to its capabilities"
                )
        if problems:
            raise InvalidCatalogError(problems)

    def problems_of(self, spec: ModelSpec) -> list[str]:
        """Everything that is wrong with one entry, each with its remedy."""
        return self._problems(spec.model_path, spec)

    def _problems(self, key: str, spec: ModelSpec) -> list[str]:
        """What is wrong with one entry."""
        problems: list[str] = []
        if key != spec.model_path:
            problems.append(f"{key} is registered with another model_path, {spec.model_path}")
        if not spec.capabilities:
            problems.append(f"{key} has no capabilities")
        engine = self.engines.get(spec.engine)
        if engine is None:
            problems.append(str(UnknownEngineError(key, spec.engine, list(self.engines))))
        else:
            problems += [f"{key} {problem}" for problem in self._engine_problems(spec, engine)]
        if spec.chat_dialect is not None and spec.chat_dialect not in get_args(ToolCallingName):
            known = ", ".join(get_args(ToolCallingName))
            problems.append(f"{key} has chat_dialect={spec.chat_dialect!r}; there are {known}")
        problems += [f"{key} has {problem}" for problem in _unusable_numbers(spec)]
        if spec.model_path in self._bases(spec.model_path, set()):
            problems.append(f"{key} is re-quantized from itself")
        problems += [
            f"{key} is re-quantized from {source.model}, which is not registered"
            for source in spec.sources
            if isinstance(source, RequantizedSource) and source.model not in self.registry
        ]
        return problems

    def _engine_problems(self, spec: ModelSpec, engine: EngineTraits) -> Iterator[str]:
        """What an entry asks of its engine that this one cannot do."""
        for capability in spec.capabilities:
            if capability not in engine.capabilities:
                able = [e.name for e in self.engines.values() if capability in e.capabilities]
                wanted = " or ".join(f'engine="{name}"' for name in able) or "another engine"
                yield f"lists {capability.name}, which takes {wanted}, not {spec.engine!r}"
        weights = engine.weights
        if weights is not None and not self.sources_of(spec) and not is_local_file(spec):
            yield (
                f"has no sources and is neither a publisher/name that {spec.engine!r} can look "
                "up nor a path to a local file; add sources"
            )
        if weights is None and spec.sources:
            yield f"has sources, and {spec.engine!r} loads no weights"
        folders = any(isinstance(source, FOLDER_SOURCES) for source in spec.sources)
        if weights is not None and folders and not weights.takes_folders:
            yield f"has a folder as source, which {spec.engine!r} cannot load"
        yield from engine.problems(spec)

    def _bases(self, name: str, seen: set[str]) -> set[str]:
        """Models that this one is re-quantized from, by however many steps."""
        spec = self.registry.get(name)
        for source in spec.sources if spec is not None else ():
            if isinstance(source, RequantizedSource) and source.model not in seen:
                seen.add(source.model)
                self._bases(source.model, seen)
        return seen

    def similar(self, name: str) -> list[str]:
        """Registered names that the user may have meant, nearest first."""
        by_folded = {key.lower(): key for key in self.registry}
        by_folded |= {key.lower().rpartition("/")[2]: key for key in self.registry}
        by_folded |= {
            short: key for key, spec in self.registry.items() for short in spec.short_names
        }
        folded = name.lower()
        near = alike(folded, by_folded, _SUGGESTIONS * 2)
        near += [n for n in by_folded if len(folded) > 2 and (folded in n or n in folded)]
        return list(dict.fromkeys(by_folded[match] for match in near))[:_SUGGESTIONS]


def _unusable_numbers(spec: ModelSpec) -> list[str]:
    """Fields whose value no engine could work with."""
    problems: list[str] = []
    if spec.max_context < 1:
        problems.append(f"max_context={spec.max_context}, which must be at least 1 token")
    if spec.yarn_context is not None and spec.yarn_context <= spec.max_context:
        problems.append(
            f"yarn_context={spec.yarn_context}, which must exceed max_context={spec.max_context}"
        )
    for name in ("gpu_memory_gb", "parameters_b"):
        value = getattr(spec, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            problems.append(f"{name}={value}, which must be a positive number or None")
    sampling = spec.sampling
    if sampling.temperature is not None and not 0 <= sampling.temperature <= 2:
        problems.append(f"temperature={sampling.temperature}, which must be between 0 and 2")
    for name in ("top_p", "min_p"):
        value = getattr(sampling, name)
        if value is not None and not 0 <= value <= 1:
            problems.append(f"{name}={value}, which must be between 0 and 1")
    return problems
