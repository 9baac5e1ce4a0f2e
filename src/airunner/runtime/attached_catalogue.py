"""The catalogue of a server, changed by a program: the same face as ``ModelCatalogue`` has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airunner.models.spec import ModelCapability
from airunner.runtime.native_client import NativeClient


class AttachedCatalogue:
    """See ``ModelCatalogue`` for what each method does."""

    def __init__(self, client: NativeClient) -> None:
        self._client = client

    def add(
        self, given: str, name: str | None = None, capabilities: Sequence[ModelCapability] = ()
    ) -> list[dict[str, Any]]:
        """A path is one of this program's working directory."""
        path = Path(given).expanduser()
        source = str(path.absolute()) if path.exists() else given
        named = [c.value for c in capabilities]
        body = {"source": source, "name": name, "capabilities": named}
        told = self._client.post("/models", body)
        return [*told["added"], *told["refused"]]

    def add_found(self) -> list[dict[str, Any]]:
        """Register every model of other programs that is not registered yet."""
        return list(self._client.post("/found")["added"])

    def remove(self, name: str) -> dict[str, Any]:
        """A model that is in memory leaves it first."""
        return self._client.delete(f"/models/{quote(name)}")

    def assign(self, chosen: Mapping[ModelCapability, str | None]) -> None:
        """Have models serve capabilities from now on."""
        for capability, model in chosen.items():
            self._client.post("/assign", {"capability": capability.value, "model": model})
