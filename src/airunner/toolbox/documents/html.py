"""Web pages saved as files: the text a reader came for, without menus and scripts.

Owns the choice between what looks like the main text and all of it.
"""

from __future__ import annotations

import re

from airunner.errors import ToolFailedError
from airunner.toolbox.documents.document import Document, clean_text
from airunner.toolbox.documents.markdown import markdown_document
from airunner.toolbox.documents.plain import as_unicode

MOST_BYTES = 10_000_000
"""Larger pages are refused: their tree takes some 30 times as much memory."""

_BODY = re.compile(r"<body\b", re.IGNORECASE)
_TITLE = re.compile(r"<title\b[^>]*>(.{0,500}?)</title\s*>", re.IGNORECASE | re.DOTALL)


def read_html(data: bytes, name: str) -> Document:
    """A page's main text as Markdown, or all its text where none stands out.

    Raises:
        ToolFailedError: it is no text, or too large.
    """
    if len(data) > MOST_BYTES:
        limit = f"a page of more than {MOST_BYTES // 1_000_000} MB is too large to be read"
        raise ToolFailedError(f"reading {name}", limit)
    page = _decoded(data, name)
    import trafilatura

    if not _BODY.search(page):  # without one, nothing of a fragment is found
        page = f"<html><body>{page}</body></html>"
    try:
        # Two trees: extracting takes the first one apart.
        text = trafilatura.extract(
            page,
            output_format="markdown",
            include_comments=False,
            include_tables=True,
            favor_recall=True,
        )
        text = text or trafilatura.html2txt(page)
    except Exception as error:  # a damaged page can break any parser, in any way
        raise ToolFailedError(
            f"reading {name}", f"the page is damaged ({type(error).__name__})"
        ) from error
    return markdown_document(text, name, _title(page))


def _decoded(data: bytes, name: str) -> str:
    found = as_unicode(data, name)
    if found is not None:
        return found.text
    # A page may say in which other encoding it is; the library looks, and guesses.
    from trafilatura.utils import decode_file

    return str(decode_file(data))


def _title(page: str) -> str:
    import html  # the standard library's

    found = _TITLE.search(page)
    return " ".join(clean_text(html.unescape(found[1])).split()) if found else ""
