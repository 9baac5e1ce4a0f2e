"""The file in which a queue outlives the process.

Owns its form. It is replaced as a whole, so a crash leaves the old one or the new one; one
that cannot be read is an empty queue, and costs nothing but having to ask again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from airunner.config.json_file import read_json
from airunner.config.whole_file import write_whole
from airunner.errors import StorageError
from airunner.errors.system_words import system_words

MOST_BYTES = 16_000_000
"""The largest queue that is kept."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class QueueFile(Generic[T]):
    """The file at ``path`` of a queue of ``kind``, dataclasses of which ``fields`` are kept."""

    def __init__(self, path: Path, kind: type[T], fields: Sequence[str]) -> None:
        self._path, self._kind, self._fields = path, kind, fields
        self._written = ""

    def write(self, items: Iterable[T]) -> None:
        """Keep these, in their order. A disk that refuses costs the order, never what is done."""
        rows = [{name: getattr(each, name) for name in self._fields} for each in items]
        text = json.dumps(rows, indent=1, default=_as_json)
        if text == self._written:
            return
        try:
            write_whole(self._path, text, MOST_BYTES)
            self._written = text
        except StorageError as error:
            _log.warning("the queue is not kept: %s", error)

    def read(self) -> list[T]:
        """What was kept."""
        from pydantic import TypeAdapter  # here, as most processes have no queue

        try:
            rows = read_json(self._path, MOST_BYTES)
            found: list[T] = TypeAdapter(list[self._kind]).validate_python(rows)  # type: ignore[name-defined]
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            _log.warning("the queue in %s is not readable: %s", self._path, system_words(error))
            return []
        return found


def _as_json(value: object) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
