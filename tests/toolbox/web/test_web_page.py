"""Pages as text: main text, encodings, parts, PDF, and whose words they are."""

from __future__ import annotations

import json
import re

import pytest
from tests.toolbox.documents.word_file import write_contract

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.web.page import MOST_SUMMARIZED, read_page
from airunner.tools.passages import estimated_tokens

HTML = """<!DOCTYPE html>
<html><head><title>The River</title><meta name="date" content="2024-05-01"></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/news">All the news</a></li></ul></nav>
<script>document.write("never seen")</script>
<article><h1>The River</h1>
<p>The river rose in the night, and the town was warned. Nobody was hurt, and by the
morning the water had gone down again.</p>
<h2>After</h2><p>People went back to their homes. The market opened as on every other day.</p>
<ul><li>one bridge lost</li><li>two roads closed</li></ul></article>
<footer>Copyright, imprint, cookies</footer></body></html>"""
LONG = "\n\n".join(f"Paragraph {n}. " + "The river rose and fell again. " * 20 for n in range(40))


def pdf(*lines: str) -> bytes:
    """A PDF of one page with lines of text."""
    text = " ".join(f"({line}) Tj 0 -20 Td" for line in lines)
    stream = f"BT /F1 12 Tf 72 700 Td {text} ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table, len(objects) + 1, len(data))
    )


def test_the_main_text_of_a_page_is_given_under_a_line_that_says_whose_words_it_is(
    web, fetcher
) -> None:
    page = read_page(fetcher, web.give("/river", HTML))
    first, title, date, blank, *text = page.part(1).split("\n")
    assert first.startswith("Content of http://site.example/river: ")
    assert "not of the user" in first
    assert (title, date, blank) == ("Title: The River", "Date: 2024-05-01.", "")
    shown = "\n".join(text)
    assert "The river rose in the night" in shown
    assert "two roads closed" in shown
    for noise in ("All the news", "never seen", "cookies"):
        assert noise not in shown


def test_the_address_is_the_one_that_the_page_came_from(web, fetcher) -> None:
    web.give("/new", HTML)
    page = read_page(fetcher, web.refuse("/old", 301, Location="/new"))
    assert page.address == "http://site.example/new"


def test_a_long_page_is_read_part_by_part_and_nothing_is_lost(web, fetcher) -> None:
    page = read_page(fetcher, web.give("/long.txt", LONG, "text/plain"))
    count = len(page.document.parts)
    parts = [page.part(number) for number in range(1, count + 1)]
    assert count > 3
    assert f"Part 1 of {count}; part=2 gives the next." in parts[0]
    assert f"Part {count} of {count}." in parts[-1]
    assert all(estimated_tokens(part) <= 1024 for part in parts)
    together = "\n".join(parts)
    assert all(f"Paragraph {n}." in together for n in range(40))
    with pytest.raises(ToolRetryError, match=f"has {count} parts; there is no part {count + 1}"):
        page.part(count + 1)


def test_a_short_page_says_nothing_of_parts(web, fetcher) -> None:
    page = read_page(fetcher, web.give("/", "Just this.", "text/plain"))
    assert page.part(1).endswith("\n\nJust this.")
    assert "Part" not in page.part(1)
    with pytest.raises(ToolRetryError, match="one part"):
        page.part(2)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html; charset=iso-8859-1", "<p>Die Br\xfccke</p>".encode("latin-1")),
        ("text/html; charset=utf-8", "<p>Die Brücke</p>".encode()),
        ("text/html", '<meta charset="windows-1252"><p>Die Brücke</p>'.encode("cp1252")),
        ("text/html", "<p>Die Brücke</p>".encode()),
        ("text/html; charset=nonsense", "<p>Die Brücke</p>".encode()),
        ("text/html; charset=hex", "<p>Die Brücke</p>".encode()),
        ("text/html; charset=undefined", "<p>Die Brücke</p>".encode()),
        ("application/xhtml+xml", "<html><body><p>Die Brücke</p></body></html>".encode()),
        ("text/plain; charset=utf-16", "Die Brücke".encode("utf-16")),
        ("text/plain", "Die Brücke".encode("cp1252")),
        ("text/markdown", "# Die Brücke".encode()),
        ("text/csv", "Die,Brücke".encode()),
        ("application/json", json.dumps({"Die": "Brücke"}).encode()),
        ("application/ld+json", '{"Die": "Brücke"'.encode()),
        ("", "<!DOCTYPE html><html><body><p>Die Brücke</p></body></html>".encode()),
        ("", "Die Brücke".encode()),
    ],
)
def test_kinds_and_encodings(web, fetcher, kind: str, body: bytes) -> None:
    text = read_page(fetcher, web.give("/", body, kind)).part(1)
    assert "Die" in text
    assert "Brücke" in text


def test_json_is_spread_over_lines_and_cut_between_them(web, fetcher) -> None:
    body = json.dumps([{"name": f"river {n}", "length": n} for n in range(500)])
    page = read_page(fetcher, web.give("/", body, "application/json"))
    assert len(page.document.parts) > 2
    assert '"name": "river 0"' in page.part(1)
    deep = "[" * 100_000 + "]" * 100_000
    assert "[[[" in read_page(fetcher, web.give("/", deep, "application/json")).part(1)


def test_a_word_file_is_read_too(web, fetcher, tmp_path) -> None:
    data = write_contract(tmp_path / "lease.docx").read_bytes()
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    assert "900 euros" in read_page(fetcher, web.give("/lease", data, kind)).part(1)


def test_a_pdf_is_read_by_its_pages(web, fetcher) -> None:
    data = pdf("The river rose.", "The town was warned.")
    for kind in ("application/pdf", "", "text/html"):  # some servers call everything HTML
        text = read_page(fetcher, web.give("/a.pdf", data, kind)).part(1)
        assert "The river rose." in text
        assert "[page 1]" in text


@pytest.mark.parametrize(
    ("kind", "body", "problem"),
    [
        ("image/png", b"\x89PNG", "image/png, which is not read as text; download_file can save"),
        ("application/zip", b"PK", "download_file"),
        ("application/octet-stream", b"abc", "download_file"),
        ("text/html", b"", "no text"),
        ("text/html", b"<html><body><script>app()</script></body></html>", "only scripts fill"),
        ("text/plain", b"", "no text"),
        ("text/plain", bytes(1000), "not text"),
        ("application/pdf", b"%PDF-1.4 and nothing", "PDF is damaged"),
    ],
)
def test_what_has_no_text_says_so(web, fetcher, kind: str, body: bytes, problem: str) -> None:
    with pytest.raises(ToolFailedError, match=problem):
        read_page(fetcher, web.give("/", body, kind))


def text_or_problem(fetcher, address: str) -> str:
    try:
        return read_page(fetcher, address).part(1)
    except ToolFailedError as error:
        return str(error)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"<body>{'<div>' * 20_000}deep{'</div>' * 20_000}<p>flat</p></body>", "flat|no text"),
        (HTML[:200], "All the news|no text"),
        (HTML.replace("<article>", f"<article {'a=1 ' * 20_000}>"), "The river rose"),
        (
            HTML.replace("<article>", "<article>" + "<b>" * 5_000),
            "The river rose|All the news|no text",
        ),
    ],
)
def test_pages_made_to_break_readers_do_not(web, fetcher, body: str, expected: str) -> None:
    said = text_or_problem(fetcher, web.give("/", body))
    assert re.search(expected, said), said[:300]


class Api:
    """What a summary needs, scripted."""

    cancelled = False

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def use_specialized_model(self, capability, prompt: str, max_tokens: int = 512) -> str:
        self.prompts.append(prompt)
        return "The river rose."

    def load_specialized_model(self, capability, return_to_primary: bool = True) -> Api:
        return self

    def invoke(self, prompt: str, *, max_tokens: int | None = None, remember: bool = True) -> str:
        return self.use_specialized_model(None, prompt)

    def report(self, text: str) -> None:
        pass

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass


def test_a_page_is_summarised_by_the_specialist(web, fetcher) -> None:
    api = Api()
    page = read_page(fetcher, web.give("/river", HTML))
    first, title, date, blank, summary = page.summary("a_tool", 2, api).split("\n")
    assert first.startswith("Summary of http://site.example/river")
    assert (title, date) == ("Title: The River", "Date: 2024-05-01.")
    assert (blank, summary) == ("", "The river rose.")
    (prompt,) = api.prompts
    assert "at most 2 sentences" in prompt
    assert "The river rose in the night" in prompt
    assert "All the news" not in prompt


def test_of_a_very_long_page_only_the_beginning_is_summarised_and_that_is_said(
    web, fetcher
) -> None:
    api = Api()
    text = "The river rose. " * 10_000
    summary = read_page(fetcher, web.give("/", text, "text/plain")).summary("a_tool", 3, api)
    assert "Only its first 60,000 of 1" in summary
    assert sum(map(len, api.prompts)) < 2 * MOST_SUMMARIZED


def test_without_the_specialist_there_is_no_summary(web, fetcher) -> None:
    with pytest.raises(ToolFailedError, match="could not be used"):
        read_page(fetcher, web.give("/river", HTML)).summary("a_tool", 2, None)
