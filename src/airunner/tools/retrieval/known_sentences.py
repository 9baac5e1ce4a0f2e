"""The vectors of sentences that are asked for at every start, kept in a file.

Reading all tools takes two seconds of a core; reading this file takes some
milliseconds. It holds what was last asked for and nothing else, so it does not grow.
A file that is damaged, or cannot be written, costs those two seconds and nothing more.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airunner.tools.retrieval.sentence_model import SentenceModel

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float32]]

_log = logging.getLogger(__name__)


class KnownSentences:
    """Vectors by ``model``, from ``path`` where they are there; ``keep`` writes them."""

    def __init__(self, model: SentenceModel, path: Path) -> None:
        self._model, self._path = model, path
        self._known = self._read()
        self._kept = set(self._known)
        self._asked: dict[str, Any] = {}

    def embed(self, texts: Sequence[str]) -> Matrix:
        """One row for each text, in 16 bits' precision whether it was known or not."""
        import numpy as np

        keys = [self._key(text) for text in texts]
        missing = {
            key: text for key, text in zip(keys, texts, strict=True) if key not in self._known
        }
        if missing:
            vectors = self._model.embed(list(missing.values())).astype(np.float16)
            self._known |= dict(zip(missing, vectors, strict=True))
        self._asked |= {key: self._known[key] for key in keys}
        return np.stack([self._known[key] for key in keys]).astype(np.float32)

    def keep(self) -> None:
        """Write what was asked for, if it is something and not what the file holds already."""
        if self._asked and self._asked.keys() != self._kept:
            self._write(self._asked)

    def _key(self, text: str) -> str:
        return hashlib.sha256(f"{self._model.identity}\n{text}".encode()).hexdigest()[:32]

    def _read(self) -> dict[str, Any]:
        import numpy as np

        try:
            with self._path.open("rb") as opened, np.load(opened) as file:
                keys, vectors = file["keys"], file["vectors"]
            return dict(zip(keys.tolist(), vectors, strict=True))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            _log.warning("%s is damaged and is made anew: %s", self._path, error)
            return {}

    def _write(self, known: dict[str, Any]) -> None:
        import numpy as np

        keys, vectors = np.array(list(known)), np.stack(list(known.values()))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    np.savez(file, keys=keys, vectors=vectors)
                os.replace(name, self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            _log.warning("%s cannot be written, so tools are read anew: %s", self._path, error)
