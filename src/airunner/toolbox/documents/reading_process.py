"""Documents that libraries read, read in a process that can be ended.

Owns that process and its limits. PDF, Word and HTML are taken apart by libraries whose time
and memory nobody bounds: a page of 200 kB was found that takes one of them a minute, in
which no other thread of its process runs. Which file is of which format is ``reading``.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Literal

from airunner.config.byte_size import format_bytes
from airunner.errors import ToolFailedError
from airunner.errors.system_words import system_words
from airunner.toolbox.documents.document import Document, Section
from airunner.workers.lifeline import Lifeline

LONGEST_PAGE_S = 60.0
"""How long a page of a PDF, or a whole document of another format, may take."""

LONGEST_S = 600.0
"""How long one document may take."""

MOST_MEMORY_BYTES = 3_000_000_000
"""Addresses of the process. A page of 10 MB takes a tenth of it."""

MOST_ANSWER_BYTES = 64_000_000
"""The longest answer: 5,000,000 characters, each written in full."""

Form = Literal["pdf", "docx", "html"]
LIBRARIES: dict[Form, str] = {"pdf": "pypdf", "docx": "docx", "html": "trafilatura"}
"""The package that each form needs."""

_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Task:
    """What to read: a file that nobody changes, called ``name``, of this form and encoding."""

    path: str
    name: str
    form: Form
    most_characters: int
    charset: str | None = None


class _Ended(Exception):
    """Nothing more comes from the process, for the reason that this says."""


class ReadingProcess:
    """Reads one document after another. Started when it is needed, ended with the body.

    Not for several threads at once.
    """

    def __init__(self, page_s: float = LONGEST_PAGE_S, total_s: float = LONGEST_S) -> None:
        self._page_s, self._total_s = page_s, total_s
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = bytearray()
        self._searched = 0

    def __enter__(self) -> ReadingProcess:
        """Start nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, whatever it does."""
        self.end()

    def read(
        self, task: Task, on_page: Callable[[int, int], None], check: Callable[[], None]
    ) -> Document:
        """The document. ``on_page`` is told of pages; what it or ``check`` raises ends the reading.

        Raises:
            ToolFailedError: there is no text that could be read, it took too much, or a library
                is not installed.
        """
        library = LIBRARIES[task.form]
        if find_spec(library) is None:
            raise ToolFailedError(f"reading {task.name}", _missing(library))
        until_s = time.monotonic() + self._total_s
        try:
            self._tell(task)
            while True:
                page_until_s = min(until_s, time.monotonic() + self._page_s)
                kind, *facts = json.loads(self._line(page_until_s, check))
                if kind == "document":
                    return _document(*facts)
                if kind == "failed":
                    break
                on_page(*facts)
        except _Ended as ended:
            self.end()
            raise ToolFailedError(f"reading {task.name}", str(ended)) from None
        except BaseException:  # also what those who are told of a page raise
            self.end()
            raise
        tool, problem = facts
        raise ToolFailedError(tool, problem)

    def end(self) -> None:
        """End the process; the next document starts another one."""
        process, self._process = self._process, None
        self._buffer.clear()
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()

    def _tell(self, task: Task) -> None:
        if self._process is None:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", __name__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    bufsize=0,
                    process_group=0,
                )
            except OSError as error:
                raise _Ended(f"no process could be started: {system_words(error)}") from error
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(asdict(task)).encode() + b"\n")
        except OSError:
            raise _Ended("its reader broke down") from None

    def _line(self, until_s: float, check: Callable[[], None]) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while (end := self._buffer.find(b"\n", self._searched)) < 0:
                self._searched = len(self._buffer)
                check()
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    raise _Ended("it took too long to read; save it in a simpler form")
                if not selector.select(min(left_s, _LOOK_S)):
                    continue
                if not (piece := os.read(pipe, 1 << 16)):
                    raise _Ended(_last_words(self._process.wait()))
                self._buffer += piece
                if len(self._buffer) > MOST_ANSWER_BYTES:
                    raise _Ended("its text is too long; split it")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line


def _missing(package: str) -> str:
    return f"that needs a package: pip install 'airunner[documents]' ({package})"


def _last_words(code: int) -> str:
    memory = format_bytes(MOST_MEMORY_BYTES)
    return f"its reader broke down (code {code}): it is damaged, or takes more than {memory}"


def _document(value: dict[str, Any]) -> Document:
    sections = tuple(Section(*section) for section in value["sections"])
    return Document(
        value["name"], value["title"], sections, value["page_count"], tuple(value["notes"])
    )


def main() -> None:
    """Read documents until the parent closes standard input, or dies."""
    for kind, most in ((resource.RLIMIT_AS, MOST_MEMORY_BYTES), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):  # not everywhere
            resource.setrlimit(kind, (most, most))
    # What a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    lifeline = Lifeline(0)
    while (line := lifeline.read_line()) is not None:
        with lifeline.deadly():
            answer = _answer(Task(**json.loads(line)), answers)
        # After that: the next line of the parent must not end this process.
        _say(answers, *answer)


def _answer(task: Task, answers: IO[bytes]) -> tuple[object, ...]:
    try:
        found = _read(task, lambda number, count: _say(answers, "page", number, count))
        if found.characters > task.most_characters and not found.page_count:
            problem = f"its text is longer than {task.most_characters:,} characters; split it"
            return "failed", f"reading {task.name}", problem
        sections = [(section.text, section.place, section.page) for section in found.sections]
        value = {"name": found.name, "title": found.title, "sections": sections}
        return "document", {**value, "page_count": found.page_count, "notes": found.notes}
    except ToolFailedError as error:
        return "failed", error.tool, error.problem
    except ModuleNotFoundError as error:
        return "failed", f"reading {task.name}", _missing(str(error.name))
    except MemoryError:
        memory = format_bytes(MOST_MEMORY_BYTES)
        return "failed", f"reading {task.name}", f"it takes more than {memory} of memory to read"


def _read(task: Task, on_page: Callable[[int, int], None]) -> Document:
    from airunner.toolbox.documents.docx import read_docx
    from airunner.toolbox.documents.html import read_html
    from airunner.toolbox.documents.pdf import read_pdf

    path = Path(task.path)
    if task.form == "pdf":
        return read_pdf(path, task.name, task.most_characters, on_page)
    if task.form == "docx":
        return read_docx(path, task.name)
    return read_html(path.read_bytes(), task.name, task.charset)


def _say(answers: IO[bytes], *message: object) -> None:
    answers.write(json.dumps(message).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
