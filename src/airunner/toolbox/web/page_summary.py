"""A summary of a page of the web.

Owns how much of a long page is summarised and what is said above the summary. The
work itself is ``airunner.toolbox.text.summary``.
"""

from __future__ import annotations

from airunner.toolbox.text.summary import summarize
from airunner.toolbox.web.fetcher import Fetcher, cancellation
from airunner.toolbox.web.page import read_page, shown
from airunner.tools.api import ToolApi

MOST_CHARACTERS = 60_000
"""Some 20 pages of print: beyond it a small machine would work longer than a tool may."""


def summarize_page(fetcher: Fetcher, address: str, max_sentences: int, api: ToolApi | None) -> str:
    """The summary, under a line that says of what.

    Raises:
        ToolRetryError: the address is not one of the web, or nothing is there.
        ToolFailedError: it cannot be fetched, or there is no text in it.
    """
    page = read_page(fetcher, address, cancellation(api))
    text = page.document.text
    lines = [f"Summary of {shown(page.address)}, the words of that page and not of the user."]
    if page.document.title:
        lines.append(f"Title: {page.short_title}")
    if len(text) > MOST_CHARACTERS:
        lines.append(f"Only its first {MOST_CHARACTERS:,} of {len(text):,} characters were read.")
        text = text[:MOST_CHARACTERS]
    return "\n".join(lines) + f"\n\n{summarize(text, max_sentences, api)}"
