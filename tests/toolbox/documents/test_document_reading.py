"""Real files of every kind, sound and unsound, read into documents."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from tests.toolbox.documents.pdf_file import write_pdf
from tests.toolbox.documents.word_file import write_bomb, write_contract, write_odd_word

from airunner.errors import ToolFailedError
from airunner.toolbox.documents import docx, html, pdf, reading
from airunner.toolbox.documents.document import Document
from airunner.toolbox.documents.document_cache import DocumentCache
from airunner.toolbox.documents.reading import read_document
from airunner.toolbox.documents.reading_process import ReadingProcess, Task

PROCESS = ReadingProcess()


@pytest.fixture(scope="module", autouse=True)
def ended() -> Iterator[None]:
    with PROCESS:
        yield


def read(path: Path) -> Document:
    return read_document(path, path.name, process=PROCESS)


def places(document: Document) -> list[str]:
    return [section.place for section in document.sections]


def test_a_pdf_is_read_page_by_page(tmp_path: Path) -> None:
    pages = [
        "Costs (2024)\n\nThe rent is 900 €, pay-\nable in advance.",
        "",
        "“Notice”: three months.",
    ]
    document = read(write_pdf(tmp_path / "lease.pdf", pages, title="The lease"))
    assert (document.name, document.title, document.page_count) == ("lease.pdf", "The lease", 3)
    assert places(document) == ["page 1", "page 3"]
    assert document.sections[0].text == "Costs (2024)\nThe rent is 900 €, payable in advance."
    assert document.sections[1].text == "“Notice”: three months."
    assert document.notes == (
        "Page 2 has no text: blank, or scanned, and no OCR is available here.",
    )


def test_a_pdf_of_matplotlib_has_text_too(tmp_path: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib.figure import Figure

    for kind in (3, 42):
        with mpl.rc_context({"pdf.fonttype": kind}):
            figure = Figure()
            figure.text(0.1, 0.5, "Revenue rose by 12 percent.")
            figure.savefig(tmp_path / f"{kind}.pdf")
        assert "Revenue rose by 12 percent." in read(tmp_path / f"{kind}.pdf").text


def test_pages_beyond_the_limit_are_left_out_and_said_so(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "long.pdf", ["some words here"] * 12)
    seen: list[tuple[int, int]] = []
    document = pdf.read_pdf(
        path, "long.pdf", 70, lambda number, count: seen.append((number, count))
    )
    assert seen == [(number, 12) for number in range(1, 6)]
    assert document.notes == ("Pages 6-12 have not been read: the document is too long.",)
    assert pdf.page_ranges([1, 2, 3, 7, 9, 10]) == "Pages 1-3, 7, 9-10"


def encrypted(path: Path, user: str, algorithm: str = "RC4-128") -> Path:
    writer = PdfWriter(clone_from=PdfReader(path))
    writer.encrypt(user, "owner", algorithm=algorithm)
    writer.write(path)
    return path


def test_an_encrypted_pdf_needs_its_password_unless_that_is_empty(tmp_path: Path) -> None:
    for algorithm in ("RC4-128", "AES-128", "AES-256"):
        path = write_pdf(tmp_path / "a.pdf", ["hidden words"])
        assert read(encrypted(path, "", algorithm)).text == "hidden words"
    path = encrypted(write_pdf(tmp_path / "b.pdf", ["hidden words"]), "secret")
    with pytest.raises(ToolFailedError, match="needs a password"):
        read(path)


def test_a_scan_is_called_a_scan(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError, match=r"its 3 pages are pictures.*no OCR"):
        read(write_pdf(tmp_path / "scan.pdf", ["", "", ""]))


def test_damaged_files_fail_in_words_and_in_no_other_way(tmp_path: Path) -> None:
    chance = random.Random(7)
    makers = (
        write_pdf(tmp_path / "a.pdf", ["The rent is due. " * 40] * 3).read_bytes(),
        write_contract(tmp_path / "a.docx").read_bytes(),
    )
    for suffix, sound in zip((".pdf", ".docx"), makers, strict=True):
        failed = 0
        for number in range(60):
            data = bytearray(sound)
            if number % 3 == 0:
                del data[chance.randrange(8, len(data)) :]
            for _ in range(number):
                data[chance.randrange(8, len(data))] = chance.randrange(256)
            path = tmp_path / f"broken{suffix}"
            path.write_bytes(data)
            try:
                assert read(path).sections
            except ToolFailedError:
                failed += 1
        assert failed > 5


def test_half_an_answer_that_was_given_up_is_no_part_of_the_next(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def check() -> None:
        if process._buffer:
            raise Enough

    def task(name: str, text: str) -> Task:
        path = tmp_path / name
        path.write_text(f"<html><body><p>{text}</p></body></html>", encoding="utf-8")
        return Task(str(path), name, "html", 10**6)

    with ReadingProcess() as process:
        with pytest.raises(Enough):
            process.read(task("long.html", "many words " * 20_000), lambda *_: None, check)
        document = process.read(task("short.html", "Few words."), lambda *_: None, lambda: None)
        assert document.text == "Few words."


def test_a_word_file_becomes_markdown_in_order(tmp_path: Path) -> None:
    document = read(write_contract(tmp_path / "lease.docx"))
    assert document.title == "Lease"
    assert document.text == (
        "# Rent\n\nThe rent is 900 euros a month.\n\n"
        "| Item | Price |\n|---|---|\n| Garage | 60 |\n| Cellar | 15 | per month | |\n\n"
        "- It is due on the first.\n\n"
        "## Notice\n\nEither party may give three months' notice."
    )
    assert places(document) == ["section “Rent”", "section “Notice”"]
    assert document.page_count == 0


def test_a_word_file_hides_nothing_but_what_was_deleted(tmp_path: Path) -> None:
    text = read(write_odd_word(tmp_path / "odd.docx")).text
    assert text.count("In a text box.") == 1
    assert "In a content control." in text
    assert "Kept, inserted\tafter a tab[^2]" in text
    assert "deleted" not in text
    assert text.endswith("[^2]: A note below.")


def test_a_word_file_that_unpacks_to_too_much_is_refused_before_it_is_parsed(
    tmp_path: Path,
) -> None:
    path = write_bomb(tmp_path / "bomb.docx", mega_bytes=docx.MOST_XML_BYTES // 1_000_000 + 1)
    assert path.stat().st_size < 200_000
    with pytest.raises(ToolFailedError, match="unpacks to more"):
        read(path)


def test_sizes_that_an_archive_states_are_not_believed(tmp_path: Path) -> None:
    path = write_bomb(tmp_path / "liar.docx", mega_bytes=60)
    data = path.read_bytes()
    stated = next(
        size
        for size in range(60_000_000, 60_010_000)
        if data.count(size.to_bytes(4, "little")) == 2
    )
    path.write_bytes(data.replace(stated.to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    with pytest.raises(ToolFailedError):
        read(path)


PAGE = """<html><head><title>Leases
 &amp;&#x202e; rents</title></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a></nav><article><h1>Rents</h1>
<p>The rent is 900 euros a month, payable in advance on the first day of it.</p>
<h2>Notice</h2><p>Three months of notice are needed by either side, in writing and by post.</p>
<table><tr><th>Item</th><th>Price</th></tr><tr><td>Garage</td><td>60</td></tr></table>
</article><script>var hidden = 1;</script></body></html>"""


def test_a_web_page_is_read_without_its_menu(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(PAGE, encoding="utf-8")
    document = read(path)
    assert document.title == "Leases & rents"
    assert "About us" not in document.text
    assert "hidden" not in document.text
    assert "| Garage | 60 |" in document.text
    assert "section “Notice”" in places(document)


def test_a_page_in_which_no_main_text_stands_out_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "bit.html"
    path.write_bytes("<p>Grüße</p><script>x()</script>".encode())
    assert read(path).text == "Grüße"
    path.write_bytes(
        b"<html><head><meta charset='shift_jis'></head><body><p>"
        + "東京の天気は晴れです。今日はとても暖かいです。".encode("shift_jis")
        + b"</p></body></html>"
    )
    assert "東京" in read(path).text
    path.write_bytes("<p>Сегодня хорошая погода, идём гулять.</p>".encode("cp1251"))
    document = read(path)
    assert document.text == "Сегодня хорошая погода, идём гулять."
    assert "Windows-1251 (Cyrillic) is assumed." in " ".join(document.notes)
    path.write_bytes(b"<div>" * 20_000 + b"deep" + b"</div>" * 20_000)
    with pytest.raises(ToolFailedError, match="no text"):  # deeper than any parser goes
        read(path)
    path.write_bytes(b"x" * (html.MOST_BYTES + 1))
    with pytest.raises(ToolFailedError, match="too large"):
        read(path)


def test_markdown_keeps_its_form_and_has_places(tmp_path: Path) -> None:
    path = tmp_path / "plan.md"
    text = (
        "Before all.\n\n# The **plan**\n\nFirst steps.\n\n```\n# no heading\n```\n\n"
        "Next\n----\n\n- one\n    - two\n\n| a | b |\n|---|---|\n\nlast"
    )
    path.write_text(f"\ufeff{text}\n", encoding="utf-8", newline="\r\n")
    document = read(path)
    assert document.text == text
    assert document.title == "The plan"
    assert places(document) == ["", "section “The plan”", "section “Next”"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Grüße, 5 €".encode(), "Grüße, 5 €"),
        ("Grüße, 5 €".encode("utf-8-sig"), "Grüße, 5 €"),
        ("Grüße, 5 €".encode("utf-16"), "Grüße, 5 €"),
        (b"\xfe\xff" + "Grüße, 5 €".encode("utf-16-be"), "Grüße, 5 €"),
        ("Grüße, 5 €".encode("utf-32"), "Grüße, 5 €"),
        ("Grüße, 5 €".encode("cp1252"), "Grüße, 5 €"),
        ("Добрый день, Иван!".encode("koi8-r"), "Добрый день, Иван!"),
        ("今天的天气很好，我们去公园。".encode("gb18030"), "今天的天气很好，我们去公园。"),
        (b"a\x1bb\x07" + b"c" * 200 + b"\r\nd", "ab" + "c" * 200 + "\nd"),
    ],
)
def test_plain_text_of_several_encodings(tmp_path: Path, data: bytes, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    assert read(path).text == text


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.txt", b"", "it is empty"),
        ("a.txt", b" \n\t\n", "there is no text in it"),
        ("a.bin", bytes(range(256)) * 20, "binary"),
        ("a.pdf", b"no pdf at all", "called .pdf but is none"),
        ("a.pdf", b"%PDF-1.7\nnothing", "damaged"),
        ("a.docx", b"no archive", "called .docx but is none"),
        ("a.docx", b"PK\x03\x04 broken", "damaged, or no Word document"),
        ("a.xlsx", b"PK\x03\x04 and so on", "it is a .xlsx file; save the sheet as CSV"),
        ("a.odt", b"PK\x03\x04 and so on", "it is a .odt file; save it as .docx or PDF"),
        ("a.odp", b"PK\x03\x04 and so on", "it is a .odp file; save it as PDF"),
        ("a.jar", b"PK\x03\x04 and so on", "it is a .jar file; what can be read is PDF"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office file; save the sheet as CSV"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as .docx"),
        ("a.rtf", b"{\\rtf1 hello}", "RTF"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "no OCR"),
        ("a.txt", b"\x81\x8d\x8f not known", "encoding is not known"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, data: bytes, problem: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ToolFailedError, match=problem) as caught:
        read(path)
    assert caught.value.tool == f"reading {name}"


def test_a_file_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", ["in a PDF"]).rename(tmp_path / "a.txt")
    assert read(path).page_count == 1
    path = tmp_path / "about.py"
    path.write_text('MAGIC = b"%PDF-"\n', encoding="utf-8")
    assert read(path).text == 'MAGIC = b"%PDF-"\n'
    path = write_pdf(tmp_path / "b.pdf", ["late"])
    path.write_bytes(b"\n\n" + path.read_bytes())
    assert read(path).text == "late"


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "big.txt"
    with path.open("wb") as file:
        file.truncate(reading.MOST_BYTES + 1)
    with pytest.raises(ToolFailedError, match="at most 50"):
        read(path)
    path.write_text("x" * (reading.MOST_CHARACTERS + 1), encoding="utf-8")
    with pytest.raises(ToolFailedError, match="split it"):
        read(path)


def test_a_page_that_unpacks_to_too_much_is_left_out(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "bomb.pdf", ["page one", "page two"], compress=False)
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(b" " * 10_000_000) for _ in range(8)) + packer.flush()
    data = path.read_bytes()
    start = data.index(b"<< /Length", data.index(b"page one") - 200)
    end = data.index(b"endstream", start)
    stream = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\n" % (len(bomb), bomb)
    path.write_bytes(data[:start] + stream + data[end:])
    document = read(path)
    assert document.text == "page two"
    assert document.notes == ("Page 1 has not been read: damaged.",)


def test_the_shelf_reads_again_only_what_has_changed(tmp_path: Path) -> None:
    shelf = DocumentCache(most_characters=60)
    path = tmp_path / "a.txt"
    path.write_text("first words", encoding="utf-8")
    first = shelf.read(path, "a.txt")
    assert shelf.read(path, "a.txt") is first
    path.write_text("other words now", encoding="utf-8")
    assert shelf.read(path, "a.txt").text == "other words now"
    for name in ("b.txt", "c.txt"):
        (tmp_path / name).write_text("x" * 30, encoding="utf-8")
        kept = shelf.read(tmp_path / name, name)
    assert shelf.read(tmp_path / "c.txt", "c.txt") is kept
    with pytest.raises(ToolFailedError, match="No such file"):
        shelf.read(tmp_path / "gone.txt", "gone.txt")
