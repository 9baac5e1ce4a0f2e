"""Other people's text is read in a time that grows with its length, and not with its square."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from airunner.toolbox.code.sandbox.source import script_in
from airunner.toolbox.documents.document import Document, clean_text
from airunner.toolbox.documents.html import read_html
from airunner.toolbox.documents.markdown import read_markdown
from airunner.toolbox.documents.plain import read_plain
from airunner.tools.passages import split_passages


def passages(text: str) -> object:
    return split_passages(text, 200)


def parts(read: Callable[[bytes, str], Document]) -> Callable[[str], object]:
    return lambda text: read(text.encode(), "name").parts


markdown, plain, html = parts(read_markdown), parts(read_plain), parts(read_html)
INPUTS: list[tuple[Callable[[str], object], str, str]] = [
    (markdown, "# a{}b", " "),
    (markdown, "a\n{}\nb\n===", " "),
    (markdown, "# {}", "["),
    (markdown, "# {}", "[]("),
    (markdown, "# {}", " #"),
    (plain, "a{}b", "\xa0"),
    (plain, "a\n{}\nb", " "),
    (clean_text, "a{}b", "\t "),
    (html, "{}", "<title "),
    (html, "<title>a{}b</title><body><p>text</p>", " "),
    (html, "<body><pre>a{}b</pre>", " "),
    (html, "<body><h1>a{}b</h1>", " "),
    (html, "{}", "<meta "),
    (passages, "a{}b", "\n "),
    (passages, "a.{}b", " "),
    (script_in, "```{}\nprint(1)", "a"),
    (script_in, "{}", "~~~\n```\n"),
    (script_in, "```\n{}", "    \n"),
]


def _seconds(read: Callable[[str], object], text: str) -> float:
    """The shortest of three times, so that a busy machine does not count."""
    times = []
    for _ in range(3):
        start_s = time.process_time()
        read(text)
        times.append(time.process_time() - start_s)
    return min(times)


@pytest.mark.parametrize(("read", "form", "piece"), INPUTS)
def test_twice_the_text_takes_about_twice_as_long(
    read: Callable[[str], object], form: str, piece: str
) -> None:
    count = 40_000 // len(piece)
    once = _seconds(read, form.format(piece * count))
    twice = _seconds(read, form.format(piece * 2 * count))
    assert twice < 3 * once + 0.05
    assert twice < 2.0
