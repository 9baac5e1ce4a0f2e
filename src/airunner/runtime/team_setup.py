"""Getting a whole team: what the plan finds, what that takes, and what serves afterwards.

Owns the proposal that a user says yes to. Which models suit is the planner's, fetching them
the store's, asking and showing the command's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from airunner.errors import AiRunnerError
from airunner.models.assign import Assignment, Choice, Rejection
from airunner.models.catalog import Catalog, Resolution
from airunner.models.spec import ModelCapability
from airunner.models.speed import UNKNOWN_PACE, Pace
from airunner.runtime.plain_values import plain
from airunner.weights.gate import gate_of, page_of
from airunner.weights.offer import Offer, measured_speed, offer_of
from airunner.weights.store import ModelStore

_ASKED_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class TeamMember:
    """One model of the team.

    ``memory_bytes`` is what it takes when it is loaded, ``page`` where its terms are.
    ``free_needed_bytes`` are those that other programs have to leave free, where less is free
    now.
    """

    model: str
    capabilities: tuple[str, ...]
    memory_bytes: int | None
    license: str
    page: str
    offer: Offer
    pace: Pace = UNKNOWN_PACE
    free_needed_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class TeamProposal:
    """The team that suits a budget, and what getting it would take.

    Attributes:
        budget_bytes: the memory that was planned for.
        peak_bytes: most memory in use at once.
        members: the models, in the order in which the plan names them.
        unserved: capabilities that no model which fits can serve.
        gated: models that would be preferred, and what has to be done to have each.
        bytes_per_s: speed at which weights arrive; ``None`` if unknown.
        free_bytes: free on the disk that they go to.
        assumed: how the budget came about, in words; empty where it was given.
    """

    budget_bytes: int
    peak_bytes: int
    members: tuple[TeamMember, ...]
    unserved: tuple[str, ...]
    gated: tuple[tuple[str, str], ...]
    bytes_per_s: float | None
    free_bytes: int
    assumed: str = ""

    @property
    def missing(self) -> tuple[TeamMember, ...]:
        """Those that are not on this machine."""
        return tuple(m for m in self.members if not m.offer.is_here)

    @property
    def obtainable(self) -> tuple[TeamMember, ...]:
        """Those of them that can be had."""
        return tuple(m for m in self.missing if not m.offer.problem)

    @property
    def fetch_bytes(self) -> int:
        """Bytes to be fetched, as far as they are known."""
        return sum(m.offer.fetch_bytes for m in self.obtainable)

    @property
    def seconds(self) -> float | None:
        """How long that takes; ``None`` if unknown."""
        return self.fetch_bytes / self.bytes_per_s if self.bytes_per_s else None

    @property
    def unreachable(self) -> bool:
        """Whether models are missing because there is no connection to the hub."""
        return any(m.offer.unreachable for m in self.missing)

    @property
    def fits_on_disk(self) -> bool:
        """Whether there is room for what is to be fetched."""
        return self.fetch_bytes <= self.free_bytes

    def as_json(self) -> dict[str, Any]:
        """JSON-ready values, with what follows from the fields."""
        return {
            **plain(self),
            "fetch_bytes": self.fetch_bytes,
            "seconds": self.seconds,
            "unreachable": self.unreachable,
        }


def propose_team(
    assignment: Assignment, catalog: Catalog, store: ModelStore, bytes_per_s: float | None = None
) -> TeamProposal:
    """What getting the team of a plan takes; asks the hub about all models at once.

    ``bytes_per_s`` is the speed that the user states; it is measured otherwise.
    """
    serves: dict[str, list[str]] = {}
    chosen: dict[str, Choice] = {}
    for choice in assignment.choices:
        if choice.model is not None:
            serves.setdefault(choice.model, []).append(choice.capability.value)
            chosen[choice.model] = choice
    specs = [catalog.spec(name) for name in serves]
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as threads:
        offers = list(threads.map(lambda spec: offer_of(store, spec), specs))
    members = tuple(
        TeamMember(
            spec.model_path,
            tuple(serves[spec.model_path]),
            chosen[spec.model_path].size_bytes,
            spec.license,
            page_of(spec),
            offer,
            chosen[spec.model_path].pace,
            chosen[spec.model_path].free_needed_bytes,
        )
        for spec, offer in zip(specs, offers, strict=True)
    )
    addresses = [o.address for o in offers if o.address and not o.problem]
    if bytes_per_s is None and addresses:
        bytes_per_s = measured_speed(addresses[0])
    return TeamProposal(
        assignment.budget_bytes,
        assignment.peak_bytes,
        members,
        tuple(c.capability.value for c in assignment.choices if c.model is None),
        tuple((each.model, each.reason) for each in gated_models(assignment, catalog, store)),
        bytes_per_s,
        store.free_bytes,
        assignment.assumed,
    )


def to_assign(
    assignment: Assignment,
    resolve: Callable[[ModelCapability], Resolution],
    here: Collection[str],
    primary: str | None,
) -> dict[ModelCapability, str | None]:
    """Which capabilities have to be assigned so that the team that was planned serves.

    ``resolve`` says who serves one now, ``here`` are the models whose weights are on this
    machine, or will be. A ``primary`` that the settings name stays.
    """
    found: dict[ModelCapability, str | None] = {}
    for choice in assignment.choices:
        if choice.model not in here:
            continue
        if choice.capability is ModelCapability.PRIMARY_CONVERSATION and primary is not None:
            continue
        with suppress(AiRunnerError):  # nothing serves it
            if resolve(choice.capability).spec.model_path == choice.model:
                continue
        found[choice.capability] = choice.model
    return found


def gated_models(
    assignment: Assignment, catalog: Catalog, store: ModelStore
) -> tuple[Rejection, ...]:
    """The models that would be chosen, had their publishers let this user in."""
    found: dict[str, Rejection] = {}
    for choice in assignment.choices:
        chosen = catalog.spec(choice.model).priority if choice.model is not None else -1
        for other in choice.rejected:
            spec = catalog.spec(other.model)
            is_refused = other.deficit_bytes is None and spec.priority > chosen
            if is_refused and gate_of(spec) and not store.seems_here(spec):
                found[other.model] = other
    return tuple(found.values())
