"""What a request about a web page says word for word."""

from __future__ import annotations

from airunner.guided.marks.table import marks_of
from airunner.guided.request import split_request
from airunner.toolbox.web.web_tools import (
    download_file,
    read_web_page,
    search_web,
    summarize_web_page,
)

ADDRESS = "https://site.example/2024/river.html"


def test_what_a_request_says_word_for_word_is_not_decoded() -> None:
    request = split_request(f"read part 3 of {ADDRESS}, please")
    taken = {name: mark.take(request, "") for name, mark in marks_of(read_web_page).items()}
    assert taken == {"url": ADDRESS, "part": "3"}
    assert read_web_page.validate(taken).as_json == {"url": ADDRESS, "part": 3}
    for tool in (search_web, read_web_page, summarize_web_page, download_file):
        assert set(marks_of(tool)) == set(tool.parameters["properties"])
