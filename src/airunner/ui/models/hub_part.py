"""The hub on the page: searching it, what of it fits this machine, and downloading that."""

from __future__ import annotations

import asyncio
import html

from nicegui import ui

from airunner.config.byte_size import format_bytes
from airunner.errors import AiRunnerError
from airunner.models.fitting import Fit
from airunner.models.noncommercial import licence_words
from airunner.models.spec import short_name
from airunner.runtime.model_finder import Found
from airunner.server.native.services import Services
from airunner.ui.buttons import word_button
from airunner.ui.models.model_words import name_html
from airunner.ui.notices import tell, tell_problem
from airunner.ui.page_words import page_words
from airunner.weights.hub_search import HubFile

SHOWN_FILES = 3
_USUAL = "q4_k_m"
_INTRO = (
    "Language models as GGUF files, the most downloaded first. Sizes, licences and terms are "
    "as their publishers state them."
)
_OFFLINE = (
    "AI Runner is told to stay offline, so the hub is not asked. Start it without --offline to "
    "search; models on this machine can be added under All models."
)
_ORDER = {"fits": 0, "in_part": 1, "unknown": 2, "no": 3}


class HubPart:
    """See the module's description."""

    def __init__(self, services: Services) -> None:
        self._services = services
        with ui.element("section").classes("hub"):
            if services.core.settings.offline:
                ui.label(_OFFLINE).classes("intro").props('role="status"')
                return
            ui.label(_INTRO).classes("intro")
            with ui.element("form").classes("over") as form:
                self._words = ui.input(placeholder="Name, such as qwen3").classes("search")
                self._words.props('dense borderless type="search"')
                self._words.props["aria-label"] = "Search the hub"
                self._button = word_button("Search", main=True).props('type="submit"')
            form.on("submit.prevent", self._search)
            self._told = ui.label("").classes("intro").props('role="status"')
            self._list = ui.element("div").props('role="list" aria-label="Found on the hub"')

    async def _search(self) -> None:
        words = (self._words.value or "").strip()
        if not words:
            self._told.set_text("Write a part of a model's name first.")
            return
        self._told.set_text("Asking the hub\N{NO-BREAK SPACE}...")
        self._list.clear()
        self._button.disable()
        try:
            found = await self._services.finder.search(words)
        except AiRunnerError as error:
            self._told.set_text(page_words(error))
            return
        finally:
            self._button.enable()
        n_found = len(found)
        self._told.set_text(f"{n_found} found." if found else "The hub has no GGUF model by it.")
        with self._list:
            for each in found:
                self._result(each)

    def _result(self, found: Found) -> None:
        model = found.model
        files = sorted(
            zip(model.files, found.fits, found.registered_files, strict=True), key=_place
        )
        with ui.element("div").classes("result").props('role="listitem"'):
            ui.html(_facts(found), sanitize=False).classes("facts")
            with ui.element("div").classes("files"):
                for each in files[:SHOWN_FILES]:
                    self._file(model.repo, *each)
                rest = files[SHOWN_FILES:]
                if rest:

                    def show_rest() -> None:
                        more.delete()
                        for each in rest:
                            self._file(model.repo, *each)

                    words = f"Show {len(rest)} more file{'s' if len(rest) > 1 else ''}"
                    more = word_button(words, show_rest).props("dense")
                    more.props["aria-label"] = f"{words} of {model.repo}"

    def _file(self, repo: str, file: HubFile, fit: Fit, registered: str) -> None:
        parts = f" in {file.parts} parts" if file.parts > 1 else ""
        usual = '<span class="mark">the usual choice</span>' if _is_usual(file) else ""
        with ui.element("div").classes("entry"):
            ui.html(
                f'<span class="file">{html.escape(file.name)}{usual}</span>'
                f'<span class="what">{format_bytes(file.n_bytes)}{parts} ·'
                f' <span class="fit {fit.verdict}">{html.escape(fit.words)}</span></span>',
                sanitize=False,
            ).classes("facts")
            with ui.element("div").classes("acts"):
                button = word_button("Download", lambda: self._get(repo, file, registered))
                button.props("dense").props["aria-label"] = f"Download {file.name}"

    async def _get(self, repo: str, file: HubFile, registered: str) -> None:
        """Register a file, unless it is, and queue it; under its own name if the repository's
        is another's.
        """
        services = self._services
        try:
            if not registered:
                taken = repo in services.core.catalog.registry
                own = f"{repo}:{file.name.rpartition('/')[2].removesuffix('.gguf')}"
                registered = own if taken else repo
                given = f"{repo}:{file.name}"
                await asyncio.to_thread(services.catalogue.add, given, registered)
            services.downloads.add(registered)
        except AiRunnerError as error:
            tell_problem(error)
            return
        tell(f"{short_name(registered)} is registered and on its way.")


def _place(each: tuple[HubFile, Fit, str]) -> tuple[int, bool, int]:
    file, fit, _ = each
    return _ORDER[fit.verdict], not _is_usual(file), -(file.n_bytes or 0)


def _is_usual(file: HubFile) -> bool:
    return _USUAL in file.name.lower()


def _facts(found: Found) -> str:
    model = found.model
    facts = [
        f"{model.downloads:,} downloads last month",
        licence_words(model.license) or "licence not stated",
        "with an eye for pictures" if model.has_projector else "",
        f"registered as {', '.join(found.registered)}" if found.registered else "",
    ]
    gated = '<span class="mark">gated: accept its terms on its page</span>' if model.gated else ""
    problem = f'<span class="wrong">{html.escape(model.problem)}</span>' if model.problem else ""
    if not model.files and not model.problem:
        problem = '<span class="what">It has no whole GGUF model.</span>'
    return (
        f'{name_html(model.repo)}{gated}<span class="what">'
        f"{html.escape(' · '.join(filter(None, facts)))}</span>{problem}"
    )
