"""Documents read lately, so that asking twice does not mean reading twice.

Owns what is kept and for how long; a file that changed is read again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from airunner.errors import ToolFailedError
from airunner.errors.system_words import system_words
from airunner.toolbox.documents.document import Document
from airunner.toolbox.documents.reading import go_on, ignore_page, read_document
from airunner.toolbox.documents.reading_process import ReadingProcess

MOST_CHARACTERS = 10_000_000
"""What the kept documents may have together; with their passages, up to 8 bytes for each."""

_Edition = tuple[Path, str, int, int]


class DocumentCache:
    """Documents by file and state of the file, those of longest ago given up first."""

    def __init__(self, most_characters: int = MOST_CHARACTERS) -> None:
        self._most_characters = most_characters
        self._kept: OrderedDict[_Edition, Document] = OrderedDict()
        self._lock = threading.Lock()

    def read(
        self,
        path: Path,
        name: str,
        on_page: Callable[[int, int], None] = ignore_page,
        check: Callable[[], None] = go_on,
        process: ReadingProcess | None = None,
    ) -> Document:
        """The document at ``path``; see ``reading.read_document``.

        Raises:
            ToolFailedError: it cannot be read.
        """
        try:
            state = path.stat()
        except OSError as error:
            problem = system_words(error)
            raise ToolFailedError(f"reading {name}", problem) from error
        edition = (path, name, state.st_mtime_ns, state.st_size)
        with self._lock:
            if document := self._kept.get(edition):
                self._kept.move_to_end(edition)
                return document
        # Not under the lock: reading takes long, and reading twice does no harm.
        document = read_document(path, name, on_page, check=check, process=process)
        with self._lock:
            self._kept[edition] = document
            self._give_up_oldest()
        return document

    def _give_up_oldest(self) -> None:
        while sum(document.characters for document in self._kept.values()) > self._most_characters:
            self._kept.popitem(last=False)
