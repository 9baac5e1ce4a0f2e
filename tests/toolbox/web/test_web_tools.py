"""The web tools as models call them: what they refuse, and which requests want them."""

from __future__ import annotations

import pytest

from airunner.errors import ToolArgumentsError, ToolFailedError, ToolRetryError
from airunner.toolbox.web.web_tools import (
    download_file,
    read_web_page,
    search_web,
    summarize_web_page,
)
from airunner.tools.files_folder import FilesFolder
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
