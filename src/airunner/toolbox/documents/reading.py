"""Reading a file into a document: which reader is for it, and what is not read at all.

Owns the kinds of files and the limits on size. A file is known by how it begins;
its name decides only between kinds of text.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

from airunner.config.byte_size import format_bytes
from airunner.errors import ToolFailedError
from airunner.errors.system_words import system_words
from airunner.toolbox.documents.document import Document
from airunner.toolbox.documents.markdown import read_markdown
from airunner.toolbox.documents.plain import as_utf8, read_plain
from airunner.toolbox.documents.reading_process import Form, ReadingProcess, Task
from airunner.tools.real_path import open_real

MOST_BYTES = 50_000_000
"""The largest file that is read."""

MOST_CHARACTERS = 5_000_000
"""The longest text that a file may have, some 2,500 pages."""

READABLE = "PDF, Word (.docx), web pages (.html), Markdown and plain text"

DOCUMENT_SUFFIXES = frozenset(
    {".pdf", ".docx", ".docm", ".dotx", ".html", ".htm", ".xhtml", ".md", ".markdown"}
    | {".txt", ".text", ".rst", ".org", ".tex"}
)
"""What is taken for a document among many files; asked for by name, any text can be read."""

_HTML_SUFFIXES = {".html", ".htm", ".xhtml"}
_MARKDOWN_SUFFIXES = {".md", ".markdown"}
_SHEET, _SLIDES, _TEXT = "save the sheet as CSV", "save it as PDF", "save it as .docx or PDF"
_SAVE_AS = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".numbers"), _SHEET),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".ppt", ".odp", ".key", ".epub"), _SLIDES),
    **dict.fromkeys((".odt", ".ott", ".pages", ".doc"), _TEXT),
    ".zip": "unpack it first",
}
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_OTHER_KINDS = (
    (b"{\\rtf", "it is an RTF file; save it as .docx or PDF"),
    (b"\x89PNG", "it is a picture, and no OCR is available here"),
    (b"\xff\xd8\xff", "it is a picture, and no OCR is available here"),
    (b"GIF8", "it is a picture, and no OCR is available here"),
    (b"\x1f\x8b", "it is compressed; unpack it first"),
)
_ARCHIVE = b"PK\x03\x04"
_PDF = b"%PDF-"
_HEAD_BYTES = 1024


def ignore_page(number: int, count: int) -> None:
    """For those who need not know how far a reading is."""


def go_on() -> None:
    """For a reading that nobody gives up."""


def read_document(
    path: Path,
    name: str,
    on_page: Callable[[int, int], None] = ignore_page,
    charset: str | None = None,
    check: Callable[[], None] = go_on,
    process: ReadingProcess | None = None,
) -> Document:
    """The text of the file at ``path``, which is called ``name``.

    Args:
        path: the file, absolute and resolved; that it may be read is the caller's to know.
            Where a link is on the way by now, nothing is read.
        name: how messages and quotations call it.
        on_page: told of each page of a PDF before it is read, its number and how
            many there are; what it raises ends the reading.
        charset: the encoding of its text, if that is known.
        check: asked while a library reads; what it raises ends the reading.
        process: reads what libraries read, for a caller with several documents.

    Raises:
        ToolFailedError: it has no text that could be read; says why and what would help.
    """
    try:
        with ReadingProcess() as own:
            document = _read(path, name, on_page, charset, check, process or own)
    except OSError as error:
        problem = system_words(error)
        raise ToolFailedError(f"reading {name}", problem) from error
    except UnicodeError as error:  # of a path
        raise ToolFailedError(f"reading {name}", "there is no such file") from error
    if not document.sections:
        scripts = "; pages that only scripts fill cannot be read"
        is_page = path.suffix.lower() in _HTML_SUFFIXES
        raise ToolFailedError(f"reading {name}", f"there is no text in it{scripts * is_page}")
    if document.characters > MOST_CHARACTERS and not document.page_count:
        problem = f"its text is longer than {MOST_CHARACTERS:,} characters; split it"
        raise ToolFailedError(f"reading {name}", problem)
    return document


def _read(
    path: Path,
    name: str,
    on_page: Callable[[int, int], None],
    charset: str | None,
    check: Callable[[], None],
    process: ReadingProcess,
) -> Document:
    data = _bytes_of(path, name)
    form = _form_of(data[:_HEAD_BYTES], path.suffix.lower(), name)
    if form is None:
        data = as_utf8(data, charset)
        is_markdown = path.suffix.lower() in _MARKDOWN_SUFFIXES
        return read_markdown(data, name) if is_markdown else read_plain(data, name)
    # What was looked at is what is read, whatever becomes of the file meanwhile.
    with NamedTemporaryFile(prefix="airunner-", suffix=f".{form}") as copy:
        copy.write(data)
        copy.flush()
        del data
        task = Task(copy.name, name, form, MOST_CHARACTERS, charset)
        return process.read(task, on_page, check)


def _bytes_of(path: Path, name: str) -> bytes:
    with open_real(path) as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        limit = f"at most {format_bytes(MOST_BYTES)} are read"
        raise ToolFailedError(f"reading {name}", f"the file is too large: {limit}")
    if not data:
        raise ToolFailedError(f"reading {name}", "it is empty: there is no text in it")
    return data


def _form_of(head: bytes, suffix: str, name: str) -> Form | None:
    """The form that a library reads; ``None`` for plain text and Markdown.

    Raises:
        ToolFailedError: it is something else, or not what it is called.
    """
    # Where the name says so too, some bytes before it are forgiven, as every reader does.
    if head.startswith(_PDF) or (_PDF in head and suffix == ".pdf"):
        return "pdf"
    if head.startswith(_ARCHIVE):
        if suffix not in {".docx", ".docm", ".dotx"}:
            kind = f"a {suffix} file" if suffix else "an archive"
            problem = f"it is {kind}; {_SAVE_AS.get(suffix, f'what can be read is {READABLE}')}"
            raise ToolFailedError(f"reading {name}", problem)
        return "docx"
    if head.startswith(_OLD_OFFICE):
        problem = f"it is an old or an encrypted Office file; {_SAVE_AS.get(suffix, _TEXT)}"
        raise ToolFailedError(f"reading {name}", problem)
    for beginning, problem in _OTHER_KINDS:
        if head.startswith(beginning):
            raise ToolFailedError(f"reading {name}", problem)
    if suffix in {".pdf", ".docx"}:
        problem = f"it is called {suffix} but is none: it is damaged, or something else"
        raise ToolFailedError(f"reading {name}", problem)
    return "html" if suffix in _HTML_SUFFIXES else None
