"""The team for this machine on the page: a table, and one button that gets it."""

from __future__ import annotations

import html
import re

from nicegui import ui

from airunner.config.byte_size import format_bytes
from airunner.durations import about_seconds
from airunner.errors import AiRunnerError
from airunner.events import CatalogChanged, DownloadChanged
from airunner.models.fitting import Fit
from airunner.models.noncommercial import licence_words
from airunner.models.spec import short_name
from airunner.runtime.team_offers import TeamOffer
from airunner.runtime.team_setup import TeamMember
from airunner.server.native.services import Services
from airunner.ui.buttons import word_button
from airunner.ui.models.model_words import GATED, abilities, name_html
from airunner.ui.notices import tell, tell_problem
from airunner.ui.page_words import page_words
from airunner.ui.parts import heading
from airunner.ui.window import in_order, on_events

_EMBEDDED = (
    "So far only very small models are here, with less than a billion parameters: they show "
    "that everything works, and such a model is no assistant."
)
_BUTTON = "A real team is one button away."
_TOO_SMALL = "A real team needs more memory than these {budget}, which are all that may be used."
_ASKING = "Looking at this machine, and asking the hub what the models take\N{NO-BREAK SPACE}..."
_COLUMNS = ("Model", "What it does", "To fetch", "In memory", "Licence", "Fit")


class TeamPart:
    """See the module's description."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._first = ui.label(_EMBEDDED).classes("intro first")
        self._first.set_visibility(False)
        with ui.element("section").classes("team"):
            heading("The team for this machine")
            self._intro = ui.label(_ASKING).classes("intro").props('role="status"')
            self._table = ui.html("", sanitize=False)
            self._gated = ui.html("", sanitize=False)
            self._takes = ui.label("").classes("intro takes")
            self._get = word_button("Get this team", self._accept, main=True)
            self._get.set_visibility(False)
        on_events(services.core.bus, (DownloadChanged, CatalogChanged), self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    @in_order
    async def refresh(self) -> None:
        """Show what is offered."""
        services = self._services
        if self._table.is_deleted:
            return
        self._first.set_visibility(services.team.only_embedded())
        try:
            offer = await services.team.offer()
        except AiRunnerError as error:
            if not self._intro.is_deleted:
                self._intro.set_text(page_words(error))
            return
        fits = {m.model: await services.finder.fit(m.model) for m in offer.proposal.members}
        if self._table.is_deleted:
            return
        coming = {
            each.model: "paused" if each.state == "paused" else "on its way"
            for each in services.downloads.all()
            if each.state in ("queued", "running", "paused")
        }
        proposal = offer.proposal
        assumed = f" ({proposal.assumed})" if proposal.assumed else ""
        self._intro.set_text(
            f"The best models that fit {format_bytes(proposal.budget_bytes)} of memory"
            f"{assumed}. They take turns in it: {format_bytes(proposal.peak_bytes)} at most at "
            "once."
        )
        self._table.set_content(_table(offer, fits, coming))
        self._gated.set_content(_gated(offer))
        missing = [m for m in proposal.obtainable if m.model not in coming]
        more = _BUTTON if missing else ""
        if all(each.offer.is_here for each in proposal.members):
            more = _TOO_SMALL.format(budget=format_bytes(proposal.budget_bytes))
        self._first.set_text(f"{_EMBEDDED} {more}".strip())
        self._takes.set_text(_takes(offer, missing, coming))
        self._get.set_text("Get this team" if missing else "Let this team serve")
        self._get.set_visibility(bool(missing or offer.to_serve) and proposal.fits_on_disk)

    async def _accept(self) -> None:
        self._get.disable()
        try:
            queued = await self._services.team.accept()
            tell("The team is on its way." if queued else "The team serves from now on.")
        except AiRunnerError as error:
            tell_problem(error)
        finally:
            self._get.enable()
        await self.refresh()


def _table(offer: TeamOffer, fits: dict[str, Fit], coming: dict[str, str]) -> str:
    head = "".join(f'<th scope="col">{words}</th>' for words in _COLUMNS)
    rows = "".join(
        _row(member, fits[member.model], coming.get(member.model, ""))
        for member in offer.proposal.members
    )
    return f'<table class="facts-table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _row(member: TeamMember, fit: Fit, coming: str) -> str:
    offer = member.offer
    fetch = "here" if offer.is_here else coming or format_bytes(offer.disk_bytes)
    if not offer.is_here and offer.disk_bytes is None:
        fetch = coming or "size not known"
    licence = html.escape(licence_words(member.license) or "not stated")
    if offer.gated and not offer.is_here:
        licence += GATED
    words = html.escape(fit.words)
    if pace := str(member.pace):
        words += f" {pace[:1].upper()}{pace[1:]}."
    if offer.problem:
        problem = f"Cannot be had now: {page_words(offer.problem).rstrip('.')}."
        words += f'<span class="wrong">{html.escape(problem)}</span>'
    cells = (
        abilities(member.capabilities),
        html.escape(fetch),
        format_bytes(member.memory_bytes),
        licence,
        words,
    )
    columns = _COLUMNS[1:]
    row = "".join(
        f'<td data-label="{column}"><span>{cell}</span></td>'
        for column, cell in zip(columns, cells, strict=True)
    )
    return f'<tr><th scope="row">{name_html(member.model)}</th>{row}</tr>'


def _gated(offer: TeamOffer) -> str:
    lines = "".join(
        f"<li>{name_html(each.model)} <span>{_linked(each.reason)}</span></li>"
        for each in offer.gated
    )
    if not lines:
        return ""
    intro = '<p class="intro takes">Would be chosen, if you were let in:</p>'
    return f'{intro}<ul class="gated">{lines}</ul>'


def _linked(words: str) -> str:
    """The words as HTML, the address of a page in them as a link to it."""
    link = r'<a href="\1" target="_blank" rel="noopener noreferrer">\1</a>'
    return re.sub(r"(https?://[^\s,&]+)", link, html.escape(words))


def _takes(offer: TeamOffer, missing: list[TeamMember], coming: dict[str, str]) -> str:
    proposal = offer.proposal
    parts = []
    if not missing:
        n_coming = sum(m.model in coming for m in proposal.missing)
        rest = "The rest" if n_coming == len(proposal.missing) else "What can be had"
        parts.append(f"{rest} is on its way." if n_coming else "")
        if not proposal.missing:
            parts.append("All of it is here.")
        if proposal.unreachable:
            parts.append("There is no connection to the hub, so nothing can be fetched now.")
    else:
        n_bytes = sum(m.offer.fetch_bytes for m in missing)
        words = f"To fetch: {format_bytes(n_bytes)}"
        if any(m.offer.disk_bytes is None for m in missing):
            words += " and what is of unknown size"
        if proposal.bytes_per_s:
            words += f", about {about_seconds(n_bytes / proposal.bytes_per_s)}"
        parts.append(f"{words}. {format_bytes(proposal.free_bytes)} are free on the disk.")
        if not proposal.fits_on_disk:
            parts.append("That is not enough: remove models that you do not need.")
    if offer.to_serve:
        names = ", ".join(sorted({short_name(str(m)) for m in offer.to_serve.values()}))
        parts.append(f"Then these serve: {names}.")
    if proposal.unserved:
        nobody = abilities(proposal.unserved)
        parts.append(f"No model that fits does this: {nobody[0].lower()}{nobody[1:]}.")
    return " ".join(filter(None, parts))
