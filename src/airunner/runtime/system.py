"""What tools see of a running AI Runner; implements ``tools.system_view.SystemView``.

Owns putting together what the catalogue, the store, the scheduler and the
settings know, and remembering the last decisions. Changes nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping

from airunner.config.settings import SETTINGS, Settings
from airunner.errors import AiRunnerError
from airunner.events import Decided, Event, EventBus
from airunner.models.assign import declared_bytes
from airunner.models.catalog import Catalog, Resolution, is_local_file
from airunner.models.spec import ModelCapability, ModelSpec, short_name
from airunner.resources.status import ModelStatus, Status
from airunner.scheduling.decision_words import decision_line
from airunner.tools.system_view import DeviceMemory, KnownModel
from airunner.weights.local import stored_bytes
from airunner.weights.store import ModelStore

KEPT_DECISIONS = 50

_TOLD_SETTINGS = (
    "max_memory",
    "reserve",
    "keep_in_memory",
    "context",
    "parallel",
    "kv_type",
    "threads",
    "parking_memory",
    "parking_disk",
    "keep_parked",
    "queue_limit",
    "lease_timeout_s",
    "tool_timeout_s",
    "max_steps",
    "max_tokens",
    "image_dtype",
    "image_size",
    "offline",
)
"""Sizes, limits and switches: nothing that is a path, a name or a rule of the user's."""


class RuntimeSystem:
    """See the module's description. Every method may be called from any thread but the loop's.

    Args:
        catalog: what is registered.
        store: which weights are here.
        resolve: who serves a capability now; see ``ModelTeam.resolution``.
        status: what is loaded where now, for callers from any thread.
        bus: the decisions are heard there, from the making of this object on.
        settings: what the runtime runs with.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        store: ModelStore,
        resolve: Callable[[ModelCapability], Resolution],
        status: Callable[[], Status],
        bus: EventBus,
        settings: Settings,
    ) -> None:
        self._catalog, self._store, self._resolve = catalog, store, resolve
        self._status, self._settings = status, settings
        self._decided: deque[Decided] = deque(maxlen=KEPT_DECISIONS)
        bus.subscribe(self._remember)

    def models(self) -> tuple[KnownModel, ...]:
        """See ``SystemView``. A model is loaded under one name: another entry of its file is not.

        A capability whose model has to be fetched first is served by that model already.
        """
        states = {model.model: model for model in self._status().models}
        serving = self._serving()
        return tuple(
            self._known(spec, serving.get(spec.model_path, ()), states.get(spec.model_path))
            for spec in list(self._catalog.registry.values())
        )

    def devices(self) -> tuple[DeviceMemory, ...]:
        """See ``SystemView``."""
        return tuple(
            DeviceMemory(d.device, d.budget_bytes, d.held_bytes, d.lost_bytes)
            for d in self._status().devices
        )

    def decisions(self, last: int) -> tuple[str, ...]:
        """See ``SystemView``. At most the last 50 are remembered.

        Grants are left out: every turn has several, and they only say that a model was there.
        """
        chosen = list(self._decided)[-last:] if last > 0 else []
        return tuple(
            f"{time.strftime('%H:%M:%S', time.localtime(event.at_s))} "
            f"{self._without_folders(decision_line(event.as_json()))}"
            for event in chosen
        )

    def settings(self) -> Mapping[str, str]:
        """See ``SystemView``: each value with what it means."""
        return {
            name: f"{self._settings.shown(name)} ({SETTINGS[name].help})" for name in _TOLD_SETTINGS
        }

    def _remember(self, event: Event) -> None:
        if isinstance(event, Decided) and event.action != "grant":
            self._decided.append(event)

    def _without_folders(self, line: str) -> str:
        """Reasons name other models as they are registered, and a file by its whole path."""
        for spec in list(self._catalog.registry.values()):
            if is_local_file(spec):
                line = line.replace(spec.model_path, short_name(spec.model_path))
        return line

    def _serving(self) -> dict[str, tuple[str, ...]]:
        """The capabilities that each model serves now."""
        found: dict[str, tuple[str, ...]] = {}
        for capability in ModelCapability:
            try:
                model = self._resolve(capability).spec.model_path
            except AiRunnerError:
                continue  # nobody serves it
            found[model] = (*found.get(model, ()), capability.value)
        return found

    def _known(
        self, spec: ModelSpec, serves: tuple[str, ...], status: ModelStatus | None
    ) -> KnownModel:
        try:
            path = self._store.path(spec)
            absent = 0 if self._store.is_here(spec) else None
            file_bytes = absent if path is None else stored_bytes(path)
        except (AiRunnerError, OSError):
            file_bytes = None  # a model that cannot be looked at cannot be used either
        return KnownModel(
            name=short_name(spec.model_path),
            capabilities=tuple(c.value for c in spec.capabilities),
            serves=serves,
            file_bytes=file_bytes,
            expected_bytes=declared_bytes(spec),
            state=status.state if status else "",
            device=status.device if status else "",
            held_bytes=status.held_bytes if status else 0,
            parked_bytes=status.parked_bytes if status else 0,
            pinned=status.pinned if status else False,
        )
