"""Changing the catalogue while AI Runner is used: models come and go, capabilities move.

Owns doing it in one step for everybody: the configuration file, the catalogue of this
process, what other programs compare theirs with, and the event that tells of it. Blocks, and
may be used from any thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from airunner.components.llm.config.model_capabilities import (
    EMBEDDED_PRIMARY,
    EMBEDDED_SPECIALIST,
)
from airunner.config.settings import Settings
from airunner.errors import SettingsError
from airunner.events import CatalogChanged
from airunner.models.catalog import Catalog
from airunner.models.spec import ModelCapability
from airunner.resources.parking import remove_model_states
from airunner.runtime.adding import Adding, Proposal
from airunner.runtime.file_models import (
    add_models,
    added_models,
    assign_models,
    assigned_models,
    open_catalog,
    remove_model,
)
from airunner.runtime.native_form import fingerprint
from airunner.runtime.plain_values import plain
from airunner.weights.found import FoundModels
from airunner.weights.store import ModelStore

T = TypeVar("T")
_EMBEDDED = (EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST)
_log = logging.getLogger(__name__)


class ModelCatalogue:
    """See the module's description."""

    def __init__(
        self,
        settings: Settings,
        store: ModelStore,
    ) -> None:
        self._settings, self._store, self._bus = settings, store, store.bus
        self._catalog = store.catalog
        self._found = FoundModels()
        self._adding = Adding(self._catalog, self._found, settings.offline)
        self._begun = dict(self._catalog.mapping)
        self._assigned = assigned_models(settings)
        self._changing, self._reading = threading.Lock(), threading.Lock()
        self._file = settings.file
        self._read = _stamp(self._file)

    def is_outdated(self) -> bool:
        """Whether somebody has written the configuration file since it was read."""
        return _stamp(self._file) != self._read

    def read_again(self) -> None:
        """Take over what another process has written, and tell of it.

        Where the file says what cannot be, what was known stays, and the log says why.
        """
        with self._reading:
            if not self.is_outdated():
                return
            self._read = _stamp(self._file)  # what is written from now on is read once more
            models, mapping = dict(self._catalog.registry), dict(self._catalog.mapping)
            try:
                open_catalog(self._settings, self._catalog.engines)
            except SettingsError as error:
                _log.warning("The models of %s are not taken over: %s", self._file, error)
                return
            changed = _differing(models, self._catalog.registry)
            moved = [c.value for c in _differing(mapping, self._catalog.mapping)]
            if changed or moved:
                self._bus.publish(CatalogChanged(models=tuple(changed), capabilities=tuple(moved)))

    def found(self) -> list[dict[str, Any]]:
        """Models that other programs have here; ``added`` is the name of one that is registered."""
        registered = {
            source.path: name
            for name, spec in list(self._catalog.registry.items())
            for source in spec.sources
            if hasattr(source, "path")
        }
        return [
            {**plain(each), "added": registered.get(str(each.path))} for each in self._found.all()
        ]

    def add(
        self, given: str, name: str | None = None, capabilities: Sequence[ModelCapability] = ()
    ) -> list[dict[str, Any]]:
        """Register what ``given`` means, see ``Adding.propose``; what was added, a table each.

        What has a ``problem`` among them was not.

        Raises:
            ModelNotAddedError, WeightsError: it cannot be added.
            SettingsError, StorageError: the configuration file cannot be changed.
        """
        with self._changing:
            return self._add(self._adding.propose(given, name, capabilities))

    def add_found(self) -> list[dict[str, Any]]:
        """Register every model of other programs that is not registered yet."""
        with self._changing:
            return self._add(self._adding.proposals_of_found())

    def is_added(self, model: str) -> bool:
        """Whether somebody has added a model, so that ``forget`` takes it out.

        Raises:
            SettingsError: the configuration file is no TOML.
        """
        return model in added_models(self._settings)

    def remove(self, name: str) -> dict[str, Any]:
        """Delete a model's weights and parked states; one that was added is ``forgotten``.

        Files that lie elsewhere than in the store stay. ``freed_bytes`` is what was deleted;
        what was embedded ``comes_back`` when it is needed.

        Raises:
            UnknownModelError: it is not registered.
            SettingsError, StorageError: the configuration file or the folder cannot be changed.
        """
        spec = self._catalog.spec(name)
        freed_bytes = self._store.remove(spec)
        remove_model_states(self._settings.home, spec.model_path)
        return {
            "freed_bytes": freed_bytes,
            "forgotten": self.forget(spec.model_path),
            "comes_back": bool(freed_bytes) and spec.model_path in _EMBEDDED,
        }

    def forget(self, model: str) -> bool:
        """Take a model of the configuration file out of it; whether it was there.

        Its weights stay where they are.

        Raises:
            SettingsError, StorageError: the configuration file cannot be changed.
        """
        with self._changing:
            before = assigned_models(self._settings)
            if not remove_model(self._settings, model):
                return False
            moved = [c.value for c, name in before.items() if name == model]
            self._bus.publish(CatalogChanged(models=(model,), capabilities=tuple(moved)))
            return True

    def assign(self, chosen: Mapping[ModelCapability, str | None]) -> None:
        """Have models serve capabilities from now on; ``None`` is the registry's own choice.

        Raises:
            UnknownModelError: a model is not registered.
            UnsuitedModelError: it is not registered for the capability.
            SettingsError, StorageError: the configuration file cannot be changed.
        """
        with self._changing:
            assign_models(self._settings, chosen)
            names = tuple(capability.value for capability in chosen)
            self._bus.publish(CatalogChanged(models=(), capabilities=names))

    def fingerprint(self) -> str:
        """What another process has in common with this one that reads the same file now.

        What only this process was told, as by a plan that it was to use, does not count.
        """
        assigned = assigned_models(self._settings)
        mapping = dict(self._begun)
        for capability in {*self._assigned, *assigned}:
            if capability in self._catalog.mapping:
                mapping[capability] = self._catalog.mapping[capability]
        return fingerprint(Catalog(self._catalog.registry, mapping, self._catalog.engines))

    def _add(self, proposals: Iterable[Proposal]) -> list[dict[str, Any]]:
        proposals = list(proposals)
        each = {proposal.name: proposal for proposal in proposals if not proposal.problem}
        if each:
            add_models(self._settings, {name: p.table for name, p in each.items()})
            self._bus.publish(CatalogChanged(models=tuple(each), capabilities=()))
        return [asdict(p) for p in proposals if p.problem or each[p.name] is p]


def _stamp(file: Path) -> tuple[int, ...]:
    """What differs once a file was written; empty without one."""
    try:
        found = file.stat()
    except OSError:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _differing(before: Mapping[T, object], after: Mapping[T, object]) -> list[T]:
    """The keys whose values are not the same any more."""
    return [key for key in {**before, **after} if before.get(key) != after.get(key)]
