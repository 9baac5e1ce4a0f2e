"""Searching, with a stand-in for the search services; and that the real ones are set up."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from ddgs import DDGS
from ddgs.engines import ENGINES
from ddgs.exceptions import DDGSException, RatelimitException, TimeoutException

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.web.search import BACKENDS, as_list, find_pages, services

ANSWERS = [
    {"title": f"River {n}", "href": f"https://site.example/{n}", "body": "It rose. " * 100}
    for n in range(12)
]
HOSTS = {
    "html.duckduckgo.com",
    "search.brave.com",
    "www.mojeek.com",
    "www.startpage.com",
    "search.yahoo.com",
}


def test_results_are_numbered_with_address_and_quotation() -> None:
    asked = []

    def search(words: str, max_results: int):
        asked.append((words, max_results))
        return ANSWERS[:max_results]

    found = find_pages("rivers in spring", 3, search)
    assert asked == [("rivers in spring", 3)]
    first, blank, *lines = as_list("rivers in spring", found).split("\n")
    assert "'rivers in spring'" in first
    assert "not the user's" in first
    assert (blank, lines[:2]) == ("", ["1. River 0", "   https://site.example/0"])
    assert lines[2].startswith("   It rose. It rose.")
    assert lines[2].endswith("…")
    assert [line for line in lines if line.startswith("3. ")] == ["3. River 2"]


def test_many_results_stay_short() -> None:
    texts = [
        as_list("rivers", find_pages("rivers", n, lambda *_, n=n: ANSWERS[:n])) for n in (1, 5, 10)
    ]
    assert all(len(text) < 3000 for text in texts)
    assert "10. River 9" in texts[-1]


def test_more_than_asked_for_is_cut_and_what_is_no_page_is_left_out() -> None:
    odd = [
        {"title": "Script", "href": "javascript:alert(1)", "body": "x"},
        {"title": "Nowhere", "href": "", "body": "x"},
        {"href": "https://site.example/untitled", "body": None},
        {"title": "A\nB\x00\u202e", "href": " https://site.example/b ", "body": "c\n\nd"},
        *ANSWERS,
    ]
    found = find_pages("rivers", 3, lambda *_: odd)
    assert [page.address for page in found] == [
        "https://site.example/untitled",
        "https://site.example/b",
        "https://site.example/0",
    ]
    assert found[0].title == "https://site.example/untitled"
    assert "\n2. A B\n   https://site.example/b\n   c d\n3. " in as_list("rivers", found)


@pytest.mark.parametrize(
    ("raised", "error", "hint"),
    [
        (DDGSException("No results found."), ToolRetryError, "other words"),
        (RatelimitException("202"), ToolFailedError, "too often"),
        (TimeoutException("timed out"), ToolFailedError, "in time"),
        (DDGSException("DNSError: long"), ToolFailedError, r"\(DNSError\); is there an internet"),
    ],
)
def test_failures_say_what_to_do(raised: Exception, error: type[Exception], hint: str) -> None:
    def search(words: str, max_results: int):
        raise raised

    with pytest.raises(error, match=hint):
        find_pages("rivers", 3, search)
    with pytest.raises(ToolRetryError, match="Nothing was found for 'rivers'"):
        find_pages("rivers", 3, lambda *_: [])


def test_the_services_are_those_that_are_named_and_are_asked_over_tls() -> None:
    engines = ENGINES["text"]
    assert set(BACKENDS) <= set(engines)
    places = {urlsplit(engines[name].search_url)[:2] for name in BACKENDS}
    assert places == {("https", host) for host in HOSTS}


def test_by_default_the_search_is_made_of_ddgs_and_asks_nobody_yet() -> None:
    search = services()
    clients = [cell.cell_contents for cell in search.__closure__ or ()]
    assert [type(client).__name__ for client in clients] == ["DDGS"]
    assert type(clients[0]) is type(DDGS())
