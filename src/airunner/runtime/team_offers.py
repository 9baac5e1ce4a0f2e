"""The team for this machine, offered while AI Runner serves: what it takes, and getting it.

Owns that whoever says yes gets the models and has them serve, those on their way as soon as
they are here. Until then another model stands in. What suits is the planner's.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from airunner.config.byte_size import format_bytes
from airunner.errors import AiRunnerError, StorageError
from airunner.models.assign import Assignment, Rejection
from airunner.models.spec import ModelCapability
from airunner.runtime.core import RuntimeCore
from airunner.runtime.model_catalogue import ModelCatalogue
from airunner.runtime.plain_values import plain
from airunner.runtime.team_setup import (
    TeamProposal,
    gated_models,
    propose_team,
    to_assign,
)
from airunner.weights.download import Download
from airunner.weights.downloads import Downloads

KEPT_S = 600.0
"""So long, what the hub said of the same plan counts."""


@dataclass(frozen=True, slots=True)
class TeamOffer:
    """What is offered.

    Attributes:
        proposal: the models, and what getting them takes.
        to_serve: capabilities that they will serve, and that are another model's now.
        gated: models that would be chosen, had their publishers let this user in.
        only_embedded: whether nothing but toys is here, as those that come with AI Runner.
    """

    proposal: TeamProposal
    to_serve: dict[ModelCapability, str | None]
    gated: tuple[Rejection, ...]
    only_embedded: bool

    def as_json(self) -> dict[str, Any]:
        """JSON-ready values."""
        told = {"gated": self.gated, "only_embedded": self.only_embedded}
        return {**self.proposal.as_json(), **plain({**told, "to_serve": self.to_serve})}


class TeamOffers:
    """See the module's description. Used on the loop that serves."""

    def __init__(self, core: RuntimeCore, downloads: Downloads, catalogue: ModelCatalogue) -> None:
        self._core, self._downloads, self._catalogue = core, downloads, catalogue
        self._asking = asyncio.Lock()
        self._known: tuple[object, float, TeamProposal] | None = None

    async def offer(self) -> TeamOffer:
        """The team for the memory that there is. Asks the hub, which takes seconds."""
        assignment = await self._core.plan()
        async with self._asking:
            proposal = await self._proposal(assignment)
        return TeamOffer(
            proposal,
            self._to_serve(assignment, proposal),
            gated_models(assignment, self._core.catalog, self._core.store),
            await asyncio.to_thread(self.only_embedded),
        )

    async def accept(self) -> list[Download]:
        """Queue what is missing and have the team serve; the downloads.

        Raises:
            StorageError: the disk has no room for it, or the configuration file cannot be changed.
            SettingsError: the configuration file says what cannot be.
        """
        offer = await self.offer()
        proposal = offer.proposal
        if not proposal.fits_on_disk:
            free = format_bytes(proposal.free_bytes)
            problem = f"the team takes more than the {free} that are free"
            raise StorageError(self._core.store.home, problem, proposal.fetch_bytes)
        if offer.to_serve:
            await asyncio.to_thread(self._catalogue.assign, offer.to_serve)
        return [self._downloads.add(member.model) for member in proposal.obtainable]

    def only_embedded(self) -> bool:
        """Whether nothing but toys is here; see ``ModelSpec.is_toy``. From any thread."""
        specs = list(self._core.catalog.registry.values())
        return all(spec.is_toy or not self._is_here(spec.model_path) for spec in specs)

    async def _proposal(self, assignment: Assignment) -> TeamProposal:
        """What was said the last time, if the team and what of it is here are the same.

        The bytes of its memory are those of now: they change while the team does not.
        """
        mapping = assignment.mapping
        key = mapping, frozenset(name for name in mapping.values() if self._is_here(name))
        known = self._known
        if known and known[0] == key and monotonic() - known[1] < KEPT_S:
            needed = {c.model: c.free_needed_bytes for c in assignment.choices}
            members = (replace(m, free_needed_bytes=needed[m.model]) for m in known[2].members)
            return replace(
                known[2],
                members=tuple(members),
                budget_bytes=assignment.budget_bytes,
                peak_bytes=assignment.peak_bytes,
                free_bytes=self._core.store.free_bytes,
            )
        running = sum(each.bytes_per_s or 0.0 for each in self._downloads.all())
        proposal = await asyncio.to_thread(
            propose_team, assignment, self._core.catalog, self._core.store, running or None
        )
        # A hub that could not be reached may be the next time.
        self._known = None if proposal.unreachable else (key, monotonic(), proposal)
        return proposal

    def _to_serve(
        self, assignment: Assignment, proposal: TeamProposal
    ) -> dict[ModelCapability, str | None]:
        core = self._core
        to_be = [m.model for m in proposal.members if m.offer.is_here or not m.offer.problem]
        chosen = to_assign(assignment, core.resolve, to_be, core.settings.primary)
        return {c: model for c, model in chosen.items() if core.catalog.mapping.get(c) != model}

    def _is_here(self, name: str) -> bool:
        try:
            return self._core.store.is_here(self._core.catalog.spec(name))
        except (AiRunnerError, OSError):
            return False
