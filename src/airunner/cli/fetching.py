"""Fetching weights from the command line, with a bar, and interruptible.

Needs no runtime: nothing is loaded, so no memory is budgeted and no run is logged.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from airunner.cli.following import following
from airunner.cli.progress_bars import ProgressBars
from airunner.components.llm.config.model_capabilities import CAPABILITY_TO_MODEL, MODEL_REGISTRY
from airunner.config.settings import Settings
from airunner.engines.known import known_engines
from airunner.errors import AiRunnerError
from airunner.events import EventBus
from airunner.models.catalog import Catalog
from airunner.weights.downloads import Downloads
from airunner.weights.store import ModelStore


def open_store(settings: Settings) -> tuple[ModelStore, Catalog]:
    """The store of the home folder, and the catalogue it looks in."""
    catalog = Catalog(MODEL_REGISTRY, CAPABILITY_TO_MODEL, known_engines().traits)
    catalog.validate()
    return ModelStore(settings.home, catalog, EventBus(), offline=settings.offline), catalog


def fetch_with_bars(store: ModelStore, models: Iterable[str], at_once: int) -> dict[str, Path]:
    """The weights of ``models``, fetched if needed; Ctrl-C leaves what has arrived.

    One that fails does not end the others.

    Raises:
        WeightsError, StorageError: the first that failed; see ``ModelStore.fetch``.
    """
    downloads = Downloads(store, at_once=at_once)
    wanted = list(models)
    found: dict[str, Path] = {}
    first: AiRunnerError | None = None
    with ProgressBars() as bars, following(store.bus, bars.show):
        try:
            for model in wanted:
                downloads.add(model)
            for model in wanted:
                try:
                    found[model] = downloads.wait(model)
                except AiRunnerError as error:
                    first = first or error
        finally:
            downloads.close()
    if first is not None:
        raise first
    return found
