"""The web tools as models call them: what they refuse, and which requests want them."""

from __future__ import annotations

from pathlib import Path

import pytest

from airunner.errors import ToolArgumentsError, ToolFailedError, ToolRetryError
from airunner.toolbox.toolset import builtin_toolset
from airunner.toolbox.web.web_tools import (
    download_file,
    read_web_page,
    search_web,
    summarize_web_page,
)
from airunner.tools.files_folder import FilesFolder
from airunner.tools.request import split_request
from airunner.tools.retrieval.ranking import ToolRanker, pick
from airunner.tools.retrieval.relevance import best_ranker
from airunner.tools.tool import Tool

PRIVATE = "http://127.0.0.1:8080/secret"
ADDRESS = "https://site.example/2024/river.html"


class Api:
    """What the tools ask of their call."""

    cancelled = False

    def __init__(self, folder) -> None:
        self.files = FilesFolder(folder)
        self.reports: list[str] = []

    def report(self, text: str) -> None:
        self.reports.append(text)


def call(tool: Tool, api: object = None, **arguments: object) -> str:
    return str(tool.start(tool.validate(arguments), api))


@pytest.mark.parametrize("tool", [read_web_page, summarize_web_page, download_file])
def test_no_tool_reaches_the_users_own_network(tool: Tool, tmp_path) -> None:
    assert tool.permission == "network"
    with pytest.raises(
        ToolFailedError, match=f"^{tool.name} failed: .* not on the public internet"
    ):
        call(tool, Api(tmp_path / "files"), url=PRIVATE)
    with pytest.raises(ToolRetryError, match="https://"):
        call(tool, Api(tmp_path / "files"), url="file:///etc/passwd")
    assert list(tmp_path.rglob("*")) in ([], [tmp_path / "files"])


def test_a_download_needs_a_folder() -> None:
    with pytest.raises(ToolFailedError, match="no folder"):
        call(download_file, url=PRIVATE)


def test_a_cancelled_call_fetches_nothing(tmp_path) -> None:
    api = Api(tmp_path)
    api.cancelled = True
    with pytest.raises(ToolFailedError, match="cancelled"):
        call(read_web_page, api, url=ADDRESS)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (search_web, {"query": ""}),
        (search_web, {"query": "rivers", "max_results": 11}),
        (search_web, {"query": "x" * 301}),
        (read_web_page, {"url": ADDRESS, "part": 0}),
        (read_web_page, {}),
        (summarize_web_page, {"url": ADDRESS, "max_sentences": 0}),
        (download_file, {"url": "https://x/" + "a" * 2000}),
    ],
)
def test_arguments_are_bounded(tool: Tool, arguments: dict[str, object]) -> None:
    with pytest.raises(ToolArgumentsError):
        tool.validate(arguments)


def test_what_a_request_says_word_for_word_is_not_decoded() -> None:
    request = split_request(f"read part 3 of {ADDRESS}, please")
    taken = {name: mark.take(request, "") for name, mark in read_web_page.user_words.items()}
    assert taken == {"url": ADDRESS, "part": "3"}
    assert read_web_page.validate(taken).as_json == {"url": ADDRESS, "part": 3}
    for tool in (search_web, read_web_page, summarize_web_page, download_file):
        assert set(tool.user_words) == set(tool.parameters["properties"])


@pytest.fixture(scope="module")
def index(known_tools: Path) -> ToolRanker:
    """The search for tools, which keeps nothing of one request for the next."""
    return best_ranker(builtin_toolset(), known_tools)


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (f"read {ADDRESS}", "read_web_page"),
        (f"What does {ADDRESS} say?", "read_web_page"),
        (f"please open {ADDRESS} and tell me what it says about fish", "read_web_page"),
        (f"show me part 2 of {ADDRESS}", "read_web_page"),
        (f"summarize {ADDRESS}", "summarize_web_page"),
        (f"Give me a summary of {ADDRESS} in 3 sentences", "summarize_web_page"),
        (f"summarise this page: {ADDRESS}", "summarize_web_page"),
        (f"download {ADDRESS}", "download_file"),
        (f"Please download {ADDRESS} as river.html", "download_file"),
        ("search the web for tide tables in Brest", "search_web"),
        ("google the opening hours of the Louvre", "search_web"),
        ("can you look up online who won the match?", "search_web"),
        ("search the internet for python tutorials", "search_web"),
        ("what is the latest news about Mars?", "search_web"),
        ("summarize this article: The river rose. The town was warned.", "summarize_text"),
        ("show me a python script to download a web page", "generate_code"),
        ("I spent the weekend surfing", None),
        ("My brother works for an internet company.", None),
        ("What is a web of lies?", None),
        ("the news made me sad", None),
    ],
)
def test_requests_find_their_tool(index: ToolRanker, message: str, name: str | None) -> None:
    found = pick(index, split_request(message))
    assert (found and found.name) == name
