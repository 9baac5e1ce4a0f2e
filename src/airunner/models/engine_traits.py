"""What the catalogue and the model store must know of an engine, as plain values.

Owns no engine: each engine's folder states its own traits, and whoever builds a
``Catalog`` passes them in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from airunner.models.spec import (
    HubFolderSource,
    ModelCapability,
    ModelSpec,
    PackagedSource,
    Source,
)

FOLDER_SOURCES = (HubFolderSource, PackagedSource)
"""Sources that deliver a folder."""


@dataclass(frozen=True, slots=True)
class WeightsForm:
    """What weights of an engine look like on disk; looks at names only.

    Attributes:
        file_pattern: shell pattern of the one file that a user may put into a model's
            folder by hand, such as ``"*.gguf"``; empty if that is the folder itself.
        index: the file that makes a folder a whole model, such as
            ``"model_index.json"``; empty if weights are never a folder.
    """

    file_pattern: str = ""
    index: str = ""

    @property
    def takes_folders(self) -> bool:
        """Whether a folder can be a model."""
        return bool(self.index)

    def is_folder(self, path: Path) -> bool:
        """Whether ``path`` is a folder that holds a whole model."""
        return self.takes_folders and (path / self.index).is_file()

    def is_weights(self, path: Path) -> bool:
        """Whether ``path`` is a file, or a folder that holds a whole model."""
        return path.is_file() or self.is_folder(path)


@dataclass(frozen=True, slots=True)
class EngineTraits:
    """One engine, for those who may not know it by name.

    Attributes:
        name: what ``ModelSpec.engine`` says.
        capabilities: what its models can be registered for.
        weights: what it loads; ``None`` for an engine that needs nothing on disk.
        usual_sources: where weights of a ``publisher/name`` that names no sources are
            looked for, in order.
        problems: what is wrong with an entry, beyond what holds for every engine; each
            continues a sentence that begins with the model's name.
        check: looks at the headers of weights at a path, and raises what is wrong with them:
            a ``WeightsError``, or a ``LoadError`` where something beside them is missing.
    """

    name: str
    capabilities: frozenset[ModelCapability]
    weights: WeightsForm | None
    usual_sources: Callable[[ModelSpec], Sequence[Source]] = lambda _: ()
    problems: Callable[[ModelSpec], Sequence[str]] = lambda _: ()
    check: Callable[[Path], object] = lambda _: None

    @property
    def talks(self) -> bool:
        """Whether its models can hold a conversation."""
        return ModelCapability.PRIMARY_CONVERSATION in self.capabilities

    @property
    def draws(self) -> bool:
        """Whether its models draw pictures."""
        return ModelCapability.IMAGE_GENERATION in self.capabilities
