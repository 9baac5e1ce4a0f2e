"""Which models suit a given amount of memory, and why. Pure.

The rule: models are swapped, so at any moment one of them computes on the
device, while the conversation state of the others is parked elsewhere. A model
therefore suits if it fits alone. For each capability the suitable model of highest
priority is chosen; at equal priority the one with more parameters, then the smaller
one. Where that one would be slow, one of use that is not slow is preferred: of language
models one with at least a quarter of its parameters, of image models one that is no toy, or
the quickest of these. What the user has assigned comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from airunner.models.catalog import Registry
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.models.speed import UNKNOWN_PACE, Pace

GB = 10**9


@dataclass(frozen=True, slots=True)
class Rejection:
    """A model that has the capability and was not chosen.

    ``deficit_bytes`` is what it lacks: 0 if it would fit but another is
    preferred, ``None`` if its size is not known or it cannot be had.
    """

    model: str
    size_bytes: int | None
    deficit_bytes: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided for one capability; ``model`` is ``None`` if nothing suits.

    ``free_needed_bytes`` are those that other programs have to leave free, where less is free
    now; ``None`` where it could be loaded now.
    """

    capability: ModelCapability
    model: str | None
    size_bytes: int | None
    reason: str
    rejected: tuple[Rejection, ...]
    pace: Pace = UNKNOWN_PACE
    free_needed_bytes: int | None = None

    @property
    def fitting(self) -> tuple[str, ...]:
        """Every model that would fit, the chosen one first."""
        others = (other.model for other in self.rejected if other.deficit_bytes == 0)
        return () if self.model is None else (self.model, *others)


@dataclass(frozen=True, slots=True)
class Assignment:
    """The choices for a budget. ``peak_bytes`` is the largest chosen model.

    ``image_budget_bytes`` is what image models were given: another figure where they
    compute on another device than language models. ``assumed`` says in words how the budget
    came about; empty where it was given.
    """

    budget_bytes: int
    choices: tuple[Choice, ...]
    image_budget_bytes: int
    assumed: str = ""

    @property
    def mapping(self) -> dict[ModelCapability, str]:
        """The chosen model of each capability that has one, ready for ``CAPABILITY_TO_MODEL``."""
        return {
            choice.capability: choice.model for choice in self.choices if choice.model is not None
        }

    @property
    def models(self) -> tuple[str, ...]:
        """The chosen models, each once."""
        return tuple(dict.fromkeys(self.mapping.values()))

    @property
    def peak_bytes(self) -> int:
        """Most memory in use at once when the team takes turns."""
        sizes = [choice.size_bytes for choice in self.choices if choice.model is not None]
        return max((size or 0 for size in sizes), default=0)

    def __str__(self) -> str:
        """The explanation, a line per choice."""
        return "\n".join(self.explain())

    def explain(self) -> list[str]:
        """One line per choice and, indented, one per rejection."""
        lines: list[str] = []
        for choice in self.choices:
            lines.append(f"{choice.capability.value}: {choice.reason}")
            lines += [f"  not {other.model}: {other.reason}" for other in choice.rejected]
        return lines


def declared_bytes(spec: ModelSpec) -> int | None:
    """Bytes by the spec's own figure; ``None`` if it states none."""
    return None if spec.gpu_memory_gb is None else round(spec.gpu_memory_gb * GB)


def auto_assign(
    registry: Registry,
    budget_bytes: int,
    size_of: Callable[[ModelSpec], int | None] = declared_bytes,
    capabilities: Iterable[ModelCapability] = tuple(ModelCapability),
    engine_budgets: Mapping[str, int] | None = None,
    assigned: Mapping[ModelCapability, str] | None = None,
    refused: Callable[[ModelSpec], str] = lambda _: "",
    pace_of: Callable[[ModelSpec, int], Pace] = lambda *_: UNKNOWN_PACE,
) -> Assignment:
    """Choose a model for each capability.

    Args:
        registry: the models to choose from.
        budget_bytes: memory of the device.
        size_of: bytes a model needs when loaded, ``None`` if unknown; measured
            from the file where there is one, else ``declared_bytes``.
        capabilities: those to decide.
        engine_budgets: memory of the device that an engine's models compute on, by
            engine, for those where it is another one.
        assigned: models that the user wants for capabilities; chosen first if they fit.
        refused: why a model cannot be had here, whatever its size; empty if it can.
        pace_of: how fast a model of so many bytes works.
    """
    budgets = engine_budgets or {}
    sizes = {name: size_of(spec) for name, spec in registry.items()}
    choices = tuple(
        _choose(
            capability,
            [spec for spec in registry.values() if capability in spec.capabilities],
            sizes,
            lambda spec: budgets.get(spec.engine, budget_bytes),
            (assigned or {}).get(capability),
            refused,
            pace_of,
        )
        for capability in capabilities
    )
    drawing = [s for s in registry.values() if ModelCapability.IMAGE_GENERATION in s.capabilities]
    images_bytes = max((budgets.get(s.engine, budget_bytes) for s in drawing), default=budget_bytes)
    return Assignment(budget_bytes, choices, images_bytes)


def _choose(
    capability: ModelCapability,
    candidates: list[ModelSpec],
    sizes: dict[str, int | None],
    room_for: Callable[[ModelSpec], int],
    assigned: str | None,
    refused: Callable[[ModelSpec], str],
    pace_of: Callable[[ModelSpec, int], Pace],
) -> Choice:
    def size_of(spec: ModelSpec) -> int | None:
        return sizes[spec.model_path]

    ranked = sorted(
        candidates,
        key=lambda s: (
            s.model_path != assigned,
            -s.priority,
            -(s.parameters_b or 0),
            size_of(s) or 0,
            s.model_path,
        ),
    )
    places = {spec.model_path: place for place, spec in enumerate(ranked)}
    fitting: list[ModelSpec] = []
    rejected: list[Rejection] = []
    to_be_had: list[tuple[ModelSpec, str]] = []
    for spec in ranked:
        size_bytes, room_bytes = size_of(spec), room_for(spec)
        if size_bytes is None:
            rejected.append(Rejection(spec.model_path, None, None, "its size is not known"))
        elif size_bytes > room_bytes:
            deficit_bytes = size_bytes - room_bytes
            reason = f"needs {size_bytes:,} bytes, {deficit_bytes:,} more than there are"
            rejected.append(Rejection(spec.model_path, size_bytes, deficit_bytes, reason))
        elif why_not := refused(spec):
            to_be_had.append((spec, why_not))
        else:
            fitting.append(spec)
    paces = {s.model_path: pace_of(s, size_of(s) or 0) for s in ranked}
    quick_is_here = any(not paces[s.model_path].is_slow and not s.is_toy for s in fitting)
    for spec, why_not in to_be_had:
        pace = paces[spec.model_path]
        if quick_is_here and pace.is_slow:  # nobody has to sign in for what would not be chosen
            slow = f"fits, but is {pace} here"
            rejected.append(Rejection(spec.model_path, size_of(spec), 0, slow))
        else:
            rejected.append(Rejection(spec.model_path, size_of(spec), None, why_not))
    if not fitting:
        why = "no registered model has it" if not candidates else "no model that has it fits"
        return Choice(capability, None, None, f"nobody, {why}", tuple(rejected))
    first = fitting[0]
    chosen = first if first.model_path == assigned else _quick(capability, fitting, paces)
    passed_over = [
        Rejection(spec.model_path, size_of(spec), 0, _why_not(spec, chosen, assigned, paces))
        for spec in fitting
        if spec is not chosen
    ]
    why = f"the highest priority ({chosen.priority}) among those that fit alone"
    if chosen.model_path == assigned:
        why = "assigned, and it fits"
    elif chosen is not first and paces[chosen.model_path].is_slow:
        why = "the quickest of those that fit alone"
    elif chosen is not first:
        why = f"the first by priority ({chosen.priority}) that fits alone and is not slow here"
    size_bytes = size_of(chosen)
    reason = f"{chosen.model_path}, {why}: {size_bytes:,} of {room_for(chosen):,} bytes"
    return Choice(
        capability,
        chosen.model_path,
        size_bytes,
        reason,
        tuple(sorted([*rejected, *passed_over], key=lambda r: places[r.model])),
        paces[chosen.model_path],
    )


def _quick(
    capability: ModelCapability, fitting: Sequence[ModelSpec], paces: Mapping[str, Pace]
) -> ModelSpec:
    """The first of them, or the first that is of use beside it and not slow, as that one is.

    Where every image model is slow it is the quickest: they differ by hours.
    """

    def is_slow(spec: ModelSpec) -> bool:
        return paces[spec.model_path].is_slow

    first = fitting[0]
    if not is_slow(first):
        return first
    draws = capability is ModelCapability.IMAGE_GENERATION
    least_b = (first.parameters_b or 0) / 4
    of_use = [s for s in fitting if (not s.is_toy if draws else (s.parameters_b or 0) >= least_b)]
    quick = next((s for s in of_use if not is_slow(s)), None)
    if quick is None and draws:
        return min(
            of_use, key=lambda s: paces[s.model_path].seconds_per_picture or 0, default=first
        )
    return quick or first


def _why_not(
    spec: ModelSpec, chosen: ModelSpec, assigned: str | None, paces: Mapping[str, Pace]
) -> str:
    if chosen.model_path == assigned:
        return f"fits, but {chosen.model_path} is assigned"
    pace = str(paces[spec.model_path])
    if spec.priority > chosen.priority and pace:
        return f"fits, but is {pace} here"
    return (
        f"fits, but {chosen.model_path} is preferred (priority {chosen.priority} against "
        f"{spec.priority})"
    )
