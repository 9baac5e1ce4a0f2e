"""The file in which the queue of downloads outlives the process.

Owns its form. It is replaced as a whole, so a crash leaves the old one or the new one; one
that cannot be read is an empty queue, and costs nothing but having to ask again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path

from airunner.config.whole_file import write_whole
from airunner.errors import StorageError
from airunner.weights.download import Download

_KEPT = ("model", "task", "state", "problem", "detail")
_log = logging.getLogger(__name__)


class QueueFile:
    """The queue's file at ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = ""

    def write(self, downloads: Iterable[Download]) -> None:
        """Keep these, in their order. A disk that refuses costs the order, never a download."""
        rows = [{name: getattr(each, name) for name in _KEPT} for each in downloads]
        text = json.dumps(rows, indent=1)
        if text == self._written:
            return
        try:
            write_whole(self._path, text)
            self._written = text
        except StorageError as error:
            _log.warning("the queue of downloads is not kept: %s", error)

    def read(self) -> list[Download]:
        """What was kept."""
        from pydantic import TypeAdapter  # here, as most processes have no queue

        try:
            rows = json.loads(self._path.read_text("utf-8"))
            found = TypeAdapter(list[Download]).validate_python(rows)
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            _log.warning("the queue of downloads in %s is not readable: %s", self._path, error)
            return []
        return found
