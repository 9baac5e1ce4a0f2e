"""Which image model draws what: without a mask or with one, the team's own or another that is here.

Owns what is known of a model before it is loaded. Whether it can be loaded is ``team``'s.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from airunner.errors import AiRunnerError, ImageRequestError
from airunner.models.catalog import Catalog
from airunner.models.files.pipeline import may_inpaint, only_inpaints
from airunner.models.spec import ModelCapability
from airunner.runtime.team import ModelTeam
from airunner.weights.store import ModelStore

DRAWING = ModelCapability.IMAGE_GENERATION


class ImageModels:
    """See the module's description. Files are read: not on a loop that serves."""

    def __init__(self, catalog: Catalog, store: ModelStore, team: ModelTeam) -> None:
        self._catalog, self._store, self._team = catalog, store, team

    def names(self) -> list[str]:
        """The image models whose weights are here."""
        return [
            name
            for name, spec in list(self._catalog.registry.items())
            if DRAWING in spec.capabilities and self._store.seems_here(spec)
        ]

    def able(self, *, masked: bool) -> list[str]:
        """Those that draw with a mask, or without one; "" first if the team's own does."""
        able = [name for name in self.names() if not self._problem(name, masked)]
        return able if self._problem(self._own(), masked) else ["", *able]

    def choose(self, model: str | None, *, masked: bool) -> str | None:
        """``model`` if it is able; for ``None``, that is the team's own, another one if it is not.

        Raises:
            ImageRequestError: it is not, and nobody else that is here is.
        """
        name = model or self._own()
        problem = self._problem(name, masked)
        if not problem:
            return model
        others = [] if model else self.able(masked=masked)
        if others:
            return others[0]
        raise ImageRequestError(name, problem)

    def _own(self) -> str:
        """The team's own; "" if it has none."""
        with suppress(AiRunnerError):
            return self._team.resolve(DRAWING).model_path
        return ""

    def _problem(self, model: str, masked: bool) -> str:
        """Why a model is not able; empty where nothing is known against it."""
        path = self._path(model)
        if path is None:
            return ""
        if masked and not may_inpaint(path):
            return "it cannot paint over a picture; take another model, or get one that can"
        if not masked and only_inpaints(path):
            return "it only paints over pictures; take another model, or get one that draws"
        return ""

    def _path(self, model: str) -> Path | None:
        spec = self._catalog.registry.get(model)
        with suppress(AiRunnerError, OSError):
            return None if spec is None else self._store.path(spec)
        return None
