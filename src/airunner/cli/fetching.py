"""Fetching weights from the command line, with a bar, and interruptible.

Needs no runtime: nothing is loaded, so no memory is budgeted and no run is logged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from airunner.cli.following import following
from airunner.cli.progress_bars import ProgressBars
from airunner.config.settings import Settings
from airunner.engines.known import known_engines
from airunner.errors import AiRunnerError
from airunner.events import EventBus
from airunner.runtime.file_models import open_catalog
from airunner.weights.downloads import Downloads
from airunner.weights.store import ModelStore
from airunner.weights.store import open_store as stored


def open_store(settings: Settings) -> ModelStore:
    """The store of the home folder; its catalogue is sound."""
    catalog = open_catalog(settings, known_engines().traits)
    catalog.validate()
    return stored(settings, catalog, EventBus())


@dataclass(slots=True)
class Fetched:
    """Where weights are now, by model, and what went wrong with the others."""

    paths: dict[str, Path] = field(default_factory=dict)
    failures: dict[str, AiRunnerError] = field(default_factory=dict)

    def all(self) -> dict[str, Path]:
        """The paths, if nothing went wrong.

        Raises:
            WeightsError, StorageError: the first that failed.
        """
        for failure in self.failures.values():
            raise failure
        return self.paths


def fetch_with_bars(store: ModelStore, models: Iterable[str], at_once: int) -> Fetched:
    """The weights of ``models``, fetched if needed; Ctrl-C leaves what has arrived.

    One that fails does not end the others.
    """
    downloads = Downloads(store, at_once=at_once)
    wanted, fetched = list(models), Fetched()
    with ProgressBars() as bars, following(store.bus, bars.show):
        try:
            for model in wanted:
                downloads.add(model)
            for model in wanted:
                try:
                    fetched.paths[model] = downloads.wait(model)
                except AiRunnerError as error:
                    fetched.failures[model] = error
        finally:
            downloads.close()
    return fetched
