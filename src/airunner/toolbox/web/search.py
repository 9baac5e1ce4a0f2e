"""Searching the web.

Owns the questions to the search services and what their failures mean. The services
are asked through ``ddgs``, which has a client of its own: it does not pass the guard of
``guarded_network``, but it only speaks to the services named here, over TLS, whatever
the question is, and ``search_process`` bounds it. It obeys ``DDGS_PROXY`` and the system's
proxy variables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.records.one_line import one_line

TOOL = "search_web"
BACKENDS = ("duckduckgo", "brave", "mojeek", "startpage", "yahoo")
"""Asked in this order, two at a time, until there are enough results. Without Wikipedia, which
a search without a region asks at a host that does not exist (deedy5/ddgs, issue 417)."""

REGION = "wt-wt"  # nowhere in particular
SAFE_SEARCH = "moderate"
SERVICE_S = 8
"""How long one service may take."""

_CONNECTED = "is there an internet connection?"
_TITLE_CHARS = 120
_SNIPPETS_CHARS = 1600
_SNIPPET_CHARS = (80, 300)

Search = Callable[[str, int], Sequence[Mapping[str, Any]]]
"""Words and a number of results to results: mappings of ``title``, ``href`` and ``body``."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page that a search found, in the words of the service."""

    title: str
    address: str
    snippet: str


def find_pages(words: str, max_results: int, ask: Search | None = None) -> list[Found]:
    """At most ``max_results`` pages, best first; never none.

    Args:
        words: what to search for.
        max_results: how many pages at most.
        ask: does it; raises what ``ddgs`` raises. By default the services of ``BACKENDS``.

    Raises:
        ToolRetryError: nothing was found.
        ToolFailedError: the services cannot be reached, or have had enough.
    """
    from ddgs.exceptions import DDGSException, RatelimitException, TimeoutException

    answers: Sequence[Mapping[str, Any]] = ()
    try:
        answers = (ask or services())(words, max_results)
    except RatelimitException:
        raise _failed("the search services were asked too often; wait some minutes") from None
    except TimeoutException:
        raise _failed(f"no search service answered in time; {_CONNECTED}") from None
    except DDGSException as error:
        if "No results" not in str(error):
            # Such as DNSError: what follows it are addresses of no use to anybody.
            kind = str(error).partition(":")[0][:80]
            problem = f"the search services gave nothing but errors ({kind}); {_CONNECTED}"
            raise _failed(problem) from error
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
        f"{number}. {one_line(page.title, _TITLE_CHARS)}\n   {page.address}"
        + (f"\n   {one_line(page.snippet, room)}" if page.snippet else "")
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
    return Found(str(answer.get("title") or address), address, str(answer.get("body") or ""))


def _failed(problem: str) -> ToolFailedError:
    return ToolFailedError(TOOL, problem)
