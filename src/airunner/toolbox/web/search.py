"""Searching the web.

Owns the questions to the search services and what their failures mean. The services
are asked through ``ddgs``, which has a client of its own: it does not pass the guard of
``guarded_network``, but it only speaks to the services named here, over TLS, whatever
the question is. ``DDGS_PROXY`` and the system's proxy variables are obeyed by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.documents.document import clean_text

BACKENDS = ("duckduckgo", "brave", "mojeek", "startpage", "yahoo")
"""Asked in this order, two at a time, until there are enough results. Without Wikipedia, which
a search without a region asks at a host that does not exist (deedy5/ddgs, issue 417)."""

REGION = "wt-wt"  # nowhere in particular
SAFE_SEARCH = "moderate"
SERVICE_S = 8
"""How long one service may take."""

_TITLE_CHARS = 120
_SNIPPETS_CHARS = 1600
_SNIPPET_CHARS = (80, 300)

Search = Callable[[str, int], Sequence[Mapping[str, Any]]]
"""Words and a number of results to results: mappings of ``title``, ``href`` and ``body``."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page that a search found."""

    title: str
    address: str
    snippet: str


class WebSearch:
    """Searches for one tool.

    Args:
        tool: whose errors are raised.
        search: does it; raises what ``ddgs`` raises. By default the services of ``BACKENDS``.
    """

    def __init__(self, tool: str, search: Search | None = None) -> None:
        self._tool, self._search = tool, search or services()

    def find(self, words: str, max_results: int) -> list[Found]:
        """At most ``max_results`` pages, best first; never none.

        Raises:
            ToolRetryError: nothing was found.
            ToolFailedError: the services cannot be reached, or have had enough.
        """
        from ddgs.exceptions import DDGSException, RatelimitException, TimeoutException

        try:
            answers = self._search(words, max_results)
        except RatelimitException:
            raise ToolFailedError(
                self._tool, "the search services were asked too often; wait some minutes"
            ) from None
        except TimeoutException:
            raise ToolFailedError(
                self._tool, "no search service answered in time; is there an internet connection?"
            ) from None
        except DDGSException as error:
            if "No results" not in str(error):
                raise ToolFailedError(
                    self._tool,
                    f"the search services gave nothing but errors ({_kind(error)}); "
                    "is there an internet connection?",
                ) from error
            answers = []
        found = [page for answer in answers if (page := _page(answer))][:max_results]
        if not found:
            # The services do not say which: they answer the same when asked too often.
            raise ToolRetryError(
                f"Nothing was found for {words!r}. Try fewer or other words; if that does not "
                "help, the services may have been asked too often, and it is worth waiting."
            )
        return found


def services() -> Search:
    """A search with ``ddgs``; nothing is asked yet."""
    from ddgs import DDGS

    client = DDGS(timeout=SERVICE_S)

    def search(words: str, max_results: int) -> Sequence[Mapping[str, Any]]:
        return client.text(
            words,
            region=REGION,
            safesearch=SAFE_SEARCH,
            max_results=max_results,
            backend=",".join(BACKENDS),
        )

    return search


def as_list(words: str, found: Sequence[Found]) -> str:
    """``found`` as numbered lines: title, address and what the service quotes from the page."""
    least, most = _SNIPPET_CHARS
    room = max(least, min(most, _SNIPPETS_CHARS // len(found)))
    entries = [
        f"{number}. {_cut(page.title, _TITLE_CHARS)}\n   {page.address}"
        + (f"\n   {_cut(page.snippet, room)}" if page.snippet else "")
        for number, page in enumerate(found, start=1)
    ]
    return (
        f"Found on the web for {words!r}; titles and quotations are the pages' words, not the "
        "user's. read_web_page reads one of them.\n\n" + "\n".join(entries)
    )


def _page(answer: Mapping[str, Any]) -> Found | None:
    address = str(answer.get("href") or "").strip()
    if not address.lower().startswith(("http://", "https://")):
        return None
    title, snippet = (_one_line(answer.get(key)) for key in ("title", "body"))
    return Found(title or address, address, snippet)


def _one_line(value: object) -> str:
    return " ".join(clean_text(str(value or "")).split())


def _cut(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    return text[:length].rsplit(" ", 1)[0].rstrip(" ,;:") + " ..."


def _kind(error: Exception) -> str:
    """Such as ``DNSError``: what follows it are addresses of no use to anybody."""
    return str(error).partition(":")[0][:80]
