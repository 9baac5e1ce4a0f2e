"""Fetching weights from the command line, with a bar, and interruptible.

Needs no runtime: nothing is loaded, so no memory is budgeted and no run is logged.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from airunner.cli.following import following
from airunner.cli.progress_bars import ProgressBars
from airunner.config.settings import Settings
from airunner.engines.known import known_engines
from airunner.errors import AiRunnerError
from airunner.events import EventBus
from airunner.models.catalog import Catalog
from airunner.models.spec import ModelSpec
from airunner.runtime.file_models import open_catalog
from airunner.weights.store import ModelStore
from airunner.weights.store import open_store as stored

AT_ONCE = 3
"""As many models are fetched at the same time."""


def open_store(settings: Settings) -> tuple[ModelStore, Catalog, EventBus]:
    """The store of the home folder, the catalogue it looks in, and the bus it reports on."""
    catalog = open_catalog(settings, known_engines().traits)
    catalog.validate()
    bus = EventBus()
    return stored(settings, catalog, bus), catalog, bus


def fetch_with_bar(store: ModelStore, spec: ModelSpec, bus: EventBus) -> Path:
    """The weights of ``spec``, fetched if needed; Ctrl-C leaves what has arrived.

    Raises:
        WeightsError, StorageError: see ``ModelStore.fetch``.
    """
    cancel = threading.Event()
    # On a thread of its own: an interrupt then ends it where it can be resumed.
    with ProgressBars() as bars, following(bus, bars.show), ThreadPoolExecutor(1) as thread:
        try:
            return thread.submit(store.fetch, spec, cancel).result()
        finally:
            cancel.set()


def fetch_all_with_bars(
    store: ModelStore, specs: Sequence[ModelSpec], bus: EventBus
) -> dict[str, AiRunnerError]:
    """Fetch several models, some at once; what each that failed raised.

    Ctrl-C leaves what has arrived, and what failed leaves the others alone.
    """
    cancel = threading.Event()
    failed: dict[str, AiRunnerError] = {}
    with ProgressBars() as bars, following(bus, bars.show), ThreadPoolExecutor(AT_ONCE) as threads:
        waiting = {spec.model_path: threads.submit(store.fetch, spec, cancel) for spec in specs}
        try:
            for model, fetch in waiting.items():
                try:
                    fetch.result()
                except AiRunnerError as error:
                    failed[model] = error
        finally:
            cancel.set()
    return failed
