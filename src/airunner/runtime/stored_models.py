"""The weights of registered models on this machine: what they are, and removing them.

Owns that a model in use is not removed, and what is said of the bytes that come free.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from airunner.config.byte_size import format_bytes
from airunner.errors import LeaseRefusedError
from airunner.events import CatalogChanged
from airunner.models.spec import ModelSpec
from airunner.runtime.core import RuntimeCore
from airunner.runtime.model_catalogue import ModelCatalogue
from airunner.runtime.model_sheet import model_list, model_sheet
from airunner.weights.downloads import Downloads


@dataclass(frozen=True, slots=True)
class Removal:
    """What removing a model's weights has freed, in bytes and in words.

    ``forgotten`` says that the model, which somebody had added, is registered no longer,
    ``comes_back`` that it is fetched again when it is needed.
    """

    model: str
    freed_bytes: int
    words: str
    forgotten: bool
    comes_back: bool


class StoredModels:
    """See the module's description. Used on the loop that serves."""

    def __init__(self, core: RuntimeCore, downloads: Downloads, catalogue: ModelCatalogue) -> None:
        self._core, self._downloads, self._catalogue = core, downloads, catalogue

    async def all(self) -> dict[str, Any]:
        """Every registered model in a line, and who serves what now."""
        return await asyncio.to_thread(model_list, self._core)

    async def sheet(self, name: str) -> dict[str, Any]:
        """One model in full, and what removing its weights would free.

        Raises:
            UnknownModelError: it is not registered.
            WeightsError: its weights are here and unusable.
        """
        kept = await self.removable_bytes(name)
        return {**await model_sheet(self._core, name), "removable_bytes": kept}

    async def removable_bytes(self, name: str) -> int:
        """What removing a model's weights would free.

        Raises:
            UnknownModelError: it is not registered.
        """
        return await asyncio.to_thread(self._core.store.kept_bytes, self._core.catalog.spec(name))

    async def remove(self, name: str) -> Removal:
        """Delete a model's weights, after its download has stopped and it has left memory.

        Raises:
            UnknownModelError: it is not registered.
            LeaseRefusedError: it is in use.
            StorageError: its folder may not be changed.
        """
        core, spec = self._core, self._core.catalog.spec(name)
        for download in self._downloads.all():
            if download.model == spec.model_path:
                self._downloads.cancel(spec.model_path)
        core.manager.unload(spec.model_path)
        await core.settle()
        if any(m.model == spec.model_path and m.leases for m in core.manager.status().models):
            raise LeaseRefusedError(spec.model_path, "it is in use; stop that first")
        words = self._words(spec, core.store.kept_bytes(spec))
        told = await asyncio.to_thread(self._catalogue.remove, spec.model_path)
        core.manager.remove(spec.model_path)
        if not told["forgotten"]:
            core.bus.publish(CatalogChanged(models=(spec.model_path,), capabilities=()))
        again = " It is fetched again when it is needed." if told["comes_back"] else ""
        return Removal(spec.model_path, words=words + again, **told)

    def _words(self, spec: ModelSpec, n_bytes: int) -> str:
        if n_bytes:
            return f"{format_bytes(n_bytes)} freed."
        path = self._core.store.path(spec)
        if path is None:
            return "Nothing freed: its weights are not here."
        return f"Nothing freed: its weights lie at {path} and stay there."
