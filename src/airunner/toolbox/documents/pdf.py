"""PDF files: the text of each page, in the order in which it is stored.

Owns what is asked of pypdf, whose own limits on decompressed streams hold. It is
not OCR: a page that is a picture has no text, which is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count, groupby
from pathlib import Path
from typing import TYPE_CHECKING

from airunner.errors import ToolFailedError
from airunner.toolbox.documents.document import Document, Section, clean_text

if TYPE_CHECKING:
    from pypdf import PdfReader

MOST_PAGES = 2_000
"""Pages read at most; the others are left out, which a note says."""

_HYPHENATED = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_A-Z])")
_NO_TITLE = re.compile(r"(?i)untitled|microsoft \w+ - ")


def read_pdf(
    path: Path, name: str, most_characters: int, on_page: Callable[[int, int], None]
) -> Document:
    """The pages of a PDF file until ``most_characters`` are read.

    ``on_page`` is told the number of each page before it is read, and how many
    there are; what it raises ends the reading.

    Raises:
        ToolFailedError: it is encrypted, damaged, or has no text.
    """
    reader = _opened(path, name)
    page_count = _page_count(reader, name)
    sections: list[Section] = []
    without_text: list[int] = []
    unreadable: list[int] = []
    characters, last = 0, 0
    for last in range(1, min(page_count, MOST_PAGES) + 1):
        on_page(last, page_count)
        text = _page_text(reader, last)
        if text is None:
            unreadable.append(last)
        elif not text:
            without_text.append(last)
        else:
            sections.append(Section(text, f"page {last}", last))
            characters += len(text)
            if characters >= most_characters:
                break
    if not sections:
        raise ToolFailedError(f"reading {name}", _why_no_text(page_count, unreadable))
    notes = [
        *_note(without_text, "no text: blank, or scanned, and no OCR is available here"),
        *_note(unreadable, "not been read: damaged"),
        *_note(range(last + 1, page_count + 1), "not been read: the document is too long"),
    ]
    return Document(name, _title(reader), tuple(sections), page_count, tuple(notes))


def _opened(path: Path, name: str) -> PdfReader:
    import logging

    from pypdf import PdfReader
    from pypdf.errors import DependencyError

    # Otherwise each oddity of a file is printed into the conversation.
    logger = logging.getLogger("pypdf")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    try:
        reader = PdfReader(path)
        # Many files are encrypted with an empty password, only to forbid printing. For AES,
        # pypdf needs the package cryptography, which none of its own requirements names.
        locked = reader.is_encrypted and not reader.decrypt("")
    except DependencyError as error:
        problem = "it is encrypted, and that needs the package cryptography: "
        problem += "pip install 'airunner[documents]'"
        raise ToolFailedError(f"reading {name}", problem) from error
    except Exception as error:  # as pypdf itself says, a broken file may raise anything
        raise _damaged(name, error) from error
    if locked:
        raise ToolFailedError(
            f"reading {name}", "it is encrypted and needs a password; save it without one"
        )
    return reader


def _page_count(reader: PdfReader, name: str) -> int:
    try:
        return len(reader.pages)
    except Exception as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> ToolFailedError:
    return ToolFailedError(f"reading {name}", f"the PDF is damaged ({type(error).__name__})")


def _page_text(reader: PdfReader, number: int) -> str | None:
    """The text of one page, counted from 1; ``None`` if it is damaged."""
    try:
        text = reader.pages[number - 1].extract_text()
    except Exception:  # one bad page is no reason to give up the others
        return None
    # Words are cut at line ends: searched for, or quoted, they have to be whole.
    return _HYPHENATED.sub("", clean_text(text))


def _why_no_text(page_count: int, unreadable: Sequence[int]) -> str:
    if not page_count:
        return "the PDF has no pages"
    if unreadable:
        return "none of its pages could be read: the PDF is damaged"
    pages = "its page is a picture" if page_count == 1 else f"its {page_count} pages are pictures"
    return f"there is no text in it: {pages}, a scan perhaps, and no OCR is available here"


def _note(pages: Sequence[int], what: str) -> Iterator[str]:
    if pages:
        verb = "has" if len(pages) == 1 else "have"
        yield f"{page_ranges(pages)} {verb} {what}."


def page_ranges(pages: Sequence[int]) -> str:
    """Ascending page numbers as they are spoken of: ``Pages 1-3, 7``."""
    offset = count()
    # Within a range, a number and its place rise together.
    runs = [list(run) for _, run in groupby(pages, key=lambda page: page - next(offset))]
    shown = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"{'Page' if len(pages) == 1 else 'Pages'} {shown}"


def _title(reader: PdfReader) -> str:
    try:
        title = (reader.metadata and reader.metadata.title) or ""
    except Exception:  # a damaged title is none
        return ""
    title = " ".join(clean_text(str(title)).split())
    return "" if _NO_TITLE.match(title) else title
