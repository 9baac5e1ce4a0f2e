"""Web pages: the text a reader came for, without menus and scripts.

Owns the encoding that a page names, and the choice between what looks like the main text
and all of it.
"""

from __future__ import annotations

import re

from airunner.errors import ToolFailedError
from airunner.toolbox.documents.document import Document, visible
from airunner.toolbox.documents.markdown import markdown_document
from airunner.toolbox.documents.plain import PlainText, as_utf8, decode
from airunner.tools.normal_form import few_marks

MOST_BYTES = 10_000_000
"""Larger pages are refused: their tree takes some 30 times as much memory."""

MOST_TAGS = 120_000
"""Pages of more are refused: each takes 3 kB of memory on the way, and 20 µs and more."""

_BODY = re.compile(r"<body\b", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_HEAD_BYTES = 2048


def read_html(data: bytes, name: str, charset: str | None = None) -> Document:
    """A page's main text as Markdown, or all its text where none stands out.

    ``charset`` is its encoding, if it is known. A note tells the page's date, if it gives one.

    Raises:
        ToolFailedError: it is no text, or too large.
    """
    if len(data) > MOST_BYTES:
        limit = f"a page of more than {MOST_BYTES // 1_000_000} MB is too large to be read"
        raise ToolFailedError(f"reading {name}", limit)
    decoded = _decoded(data, name, charset)
    page = few_marks(decoded.text)
    if page.count("<") > MOST_TAGS:
        problem = f"a page of more than {MOST_TAGS:,} tags is too large to be read"
        raise ToolFailedError(f"reading {name}", problem)
    import trafilatura

    if not _BODY.search(page):  # without one, nothing of a fragment is found
        page = f"<html><body>{page}</body></html>"
    try:
        text = trafilatura.extract(
            page,
            output_format="markdown",
            include_comments=False,
            include_tables=True,
            favor_recall=True,
        )
        text = text or trafilatura.html2txt(page)
        tree = trafilatura.load_html(page)
        title = "" if tree is None else tree.findtext(".//title") or ""
        date = trafilatura.extract_metadata(page, extensive=False).date  # stated, not guessed
    except Exception as error:  # a damaged page can break any parser, in any way
        raise ToolFailedError(
            f"reading {name}", f"the page is damaged ({type(error).__name__})"
        ) from error
    title = visible(" ".join(title.split()))
    notes = (f"Date: {date}." if date else "", decoded.note)
    return markdown_document(text, name, title, tuple(filter(None, notes)))


def _decoded(data: bytes, name: str, charset: str | None) -> PlainText:
    if charset is None and (named := _CHARSET.search(data[:_HEAD_BYTES])):
        charset = named[1].decode("ascii", "replace")
    return decode(as_utf8(data, charset), name)
