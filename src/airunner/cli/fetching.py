"""Fetching weights from the command line, with a bar, and interruptible.

Needs no runtime: nothing is loaded, so no memory is budgeted and no run is logged.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from airunner.cli.following import following
from airunner.cli.progress_bars import ProgressBars
from airunner.config.settings import Settings
from airunner.engines.known import known_engines
from airunner.events import EventBus
from airunner.models.catalog import Catalog
from airunner.models.spec import ModelSpec
from airunner.runtime.file_models import open_catalog
from airunner.weights.store import ModelStore
from airunner.weights.store import open_store as stored


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
