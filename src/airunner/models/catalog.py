"""The one catalogue: lookups and checks over the registry that users edit.

Owns finding a model by name or capability, choosing a stand-in when weights are
absent, and saying everything that is wrong with a registry at once. Holds the
live dictionaries: an entry added later is seen at once. Performs no I/O.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from typing import get_args

from airunner.errors import (
    InvalidCatalogError,
    MissingWeightsError,
    UnknownModelError,
    UnmappedCapabilityError,
)
from airunner.models.spec import (
    Engine,
    HubFolderSource,
    HubSource,
    ModelCapability,
    ModelSpec,
    PackagedSource,
    RequantizedSource,
    Source,
)

Registry = Mapping[str, ModelSpec]
CapabilityMap = Mapping[ModelCapability, str]

_HUB_PATTERNS = {"4bit": "*Q4_K_M*.gguf", "8bit": "*Q8_0*.gguf", "16bit": "*F16*.gguf"}
# Of a repository whose entry names no patterns: a whole pipeline in its plain files.
_PIPELINE_PATTERNS = (
    "model_index.json",
    "*/*.json",
    "*/*.txt",
    "*/*.jinja",
    "*/spiece.model",
    "*/model.safetensors",
    "*/model-?????-of-?????.safetensors",
    "*/diffusion_pytorch_model.safetensors",
    "*/diffusion_pytorch_model-?????-of-?????.safetensors",
)
_WEIGHTS_SUFFIXES = {".gguf", ".safetensors"}
_SUGGESTIONS = 3


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
        PurePath(path).suffix.lower() in _WEIGHTS_SUFFIXES
        or path.startswith(("/", "~", "./", "../"))
        or PurePath(path).is_absolute()
    )


def sources_of(spec: ModelSpec) -> list[Source]:
    """Where the weights come from: the spec's sources, or those its name suggests.

    An entry with the documented fields alone is enough: for ``publisher/name``
    that is the publisher's GGUF repository by the usual name, then the
    repository itself, in the quantization that the spec states; for an image
    model the repository's pipeline.
    """
    found_by_name = spec.engine in {"llama_cpp", "diffusers"}
    if spec.sources or not found_by_name or is_local_file(spec):
        return list(spec.sources)
    if len(PurePosixPath(spec.model_path).parts) != 2:
        return []
    if spec.engine == "diffusers":
        return [HubFolderSource(spec.model_path, _PIPELINE_PATTERNS)]
    pattern = _HUB_PATTERNS.get(spec.quantization.lower(), f"*{spec.quantization}*.gguf")
    return [
        HubSource(f"{spec.model_path.removesuffix('-GGUF')}-GGUF", pattern),
        *([] if spec.model_path.endswith("-GGUF") else [HubSource(spec.model_path, pattern)]),
    ]


class Catalog:
    """The registry and the mapping of capabilities, as they are at each call."""

    def __init__(self, registry: Registry, mapping: CapabilityMap) -> None:
        self._registry = registry
        self._mapping = mapping

    @property
    def registry(self) -> Registry:
        """Every model by name."""
        return self._registry

    @property
    def mapping(self) -> CapabilityMap:
        """The model wanted for each capability that has one."""
        return self._mapping

    def spec(self, name: str) -> ModelSpec:
        """The model of that name.

        Raises:
            UnknownModelError: it is not registered; carries the nearest names.
        """
        try:
            return self._registry[name]
        except KeyError:
            raise UnknownModelError(name, self._similar(name)) from None

    def for_capability(self, capability: ModelCapability) -> ModelSpec:
        """The model mapped to ``capability``, whether its weights are here or not.

        Raises:
            UnmappedCapabilityError: no model is mapped.
            UnknownModelError: the mapped name is not registered.
        """
        try:
            name = self._mapping[capability]
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
        stand_ins = [
            spec
            for spec in self._registry.values()
            if capability in spec.capabilities and spec is not wanted and available(spec)
        ]
        if stand_ins:
            chosen = max(stand_ins, key=lambda spec: (spec.priority, spec.model_path))
        elif fallback is not None:
            chosen = self.spec(fallback)
        else:
            raise MissingWeightsError(wanted.model_path)
        advice = f"airunner models pull {wanted.model_path}"
        reason = (
            f"{wanted.model_path} is not on this machine, so {chosen.model_path} serves "
            f"{capability.value}; `{advice}` gets it, `airunner models pull --team` a whole team."
        )
        return Resolution(chosen, wanted, reason, advice)

    def validate(self) -> None:
        """Check the registry as a whole.

        Raises:
            InvalidCatalogError: lists every problem found, each with its remedy.
        """
        problems = [p for key, spec in self._registry.items() for p in self._problems(key, spec)]
        for capability, name in self._mapping.items():
            spec = self._registry.get(name)
            if spec is None:
                problems.append(f"{capability.value} is mapped to {name}, which is not registered")
            elif capability not in spec.capabilities:
                problems.append(
                    f"{capability.value} is mapped to {name}, which does not list that "
                    f"capability; add ModelCapability.{capability.name} to its capabilities"
                )
        if problems:
            raise InvalidCatalogError(problems)

    def _problems(self, key: str, spec: ModelSpec) -> list[str]:
        """What is wrong with one entry."""
        problems: list[str] = []
        if key != spec.model_path:
            problems.append(f"{key} is registered with another model_path, {spec.model_path}")
        if spec.engine not in get_args(Engine):
            engines = ", ".join(get_args(Engine))
            problems.append(f"{key} has engine {spec.engine!r}; there is {engines}")
        if not spec.capabilities:
            problems.append(f"{key} has no capabilities")
        needs_weights = spec.engine in {"llama_cpp", "transformers", "diffusers"}
        if needs_weights and not sources_of(spec) and not is_local_file(spec):
            problems.append(
                f"{key} has no sources and is neither a publisher/name nor a path to a local "
                "file; add sources"
            )
        problems += [f"{key} has {problem}" for problem in _unusable_numbers(spec)]
        problems += [f"{key} {problem}" for problem in _image_problems(spec)]
        if self._depends_on_itself(spec):
            problems.append(f"{key} is re-quantized from itself")
        problems += [
            f"{key} is re-quantized from {source.model}, which is not registered"
            for source in spec.sources
            if isinstance(source, RequantizedSource) and source.model not in self._registry
        ]
        return problems

    def _depends_on_itself(self, spec: ModelSpec) -> bool:
        """Whether re-quantized sources lead from a model back to it."""
        seen: set[str] = set()
        open_names = [spec.model_path]
        while open_names:
            current = self._registry.get(open_names.pop())
            for source in current.sources if current is not None else ():
                if not isinstance(source, RequantizedSource):
                    continue
                if source.model == spec.model_path:
                    return True
                if source.model not in seen:
                    seen.add(source.model)
                    open_names.append(source.model)
        return False

    def _similar(self, name: str) -> list[str]:
        """Registered names that the user may have meant, nearest first."""
        by_folded = {key.lower(): key for key in self._registry}
        by_folded |= {key.lower().rpartition("/")[2]: key for key in self._registry}
        folded = name.lower()
        near = difflib.get_close_matches(folded, by_folded, n=_SUGGESTIONS * 2, cutoff=0.6)
        near += [other for other in by_folded if folded and folded in other]
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


def _image_problems(spec: ModelSpec) -> list[str]:
    """What is wrong with an image model, or with an entry that is half one."""
    draws = ModelCapability.IMAGE_GENERATION in spec.capabilities
    if spec.engine != "diffusers":
        problems: list[str] = []
        if draws and spec.engine in {"llama_cpp", "transformers"}:
            problems.append(f'draws, which takes engine="diffusers", not {spec.engine!r}')
        if any(isinstance(s, HubFolderSource | PackagedSource) for s in spec.sources):
            problems.append(f"has a folder as source, which {spec.engine!r} cannot load")
        return problems
    problems = [] if draws else ["has engine 'diffusers' and must list IMAGE_GENERATION"]
    if set(spec.capabilities) - {ModelCapability.IMAGE_GENERATION}:
        problems.append("has engine 'diffusers' and can list no capability but IMAGE_GENERATION")
    image = spec.image
    if image is None:
        return [*problems, "has engine 'diffusers' and needs image=ImageDefaults(...)"]
    for name in ("width", "height"):
        value = getattr(image, name)
        if value < 8 or value % 8:
            problems.append(f"has image.{name}={value}, which must be a multiple of 8 pixels")
    if image.steps < 1:
        problems.append(f"has image.steps={image.steps}, which must be at least 1")
    if not (math.isfinite(image.guidance) and image.guidance >= 0):
        problems.append(f"has image.guidance={image.guidance}, which must be 0 or more")
    return problems
