"""Other people's text is read in work that grows with its length, and not with its square.

What libraries read that cannot promise this is read in a process that is ended at its limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.security.readers import READERS
from tests.toolbox.documents.pdf_file import write_pdf

from airunner.agent.tool_calling.tool_block import ToolBlock
from airunner.cli.rendered_answer import Blocks
from airunner.components.llm.tools.image_tools import image_toolset
from airunner.config.toml_file import read_toml
from airunner.errors import AiRunnerError, ToolFailedError
from airunner.guided.request import split_request
from airunner.guided.tool_calling import GuidedToolCalling
from airunner.messages import Message
from airunner.records.one_line import one_line
from airunner.records.records import Records
from airunner.toolbox.documents.document import Document, clean_text
from airunner.toolbox.documents.html import read_html
from airunner.toolbox.documents.markdown import read_markdown
from airunner.toolbox.documents.plain import PlainText, read_plain
from airunner.toolbox.documents.reading import go_on, ignore_page
from airunner.toolbox.documents.reading_process import ReadingProcess, Task
from airunner.toolbox.files.editing import edited
from airunner.toolbox.pictures.prompt_enhancement import merged
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.normal_form import MOST_MARKS, normalized
from airunner.tools.passages import head_and_tail, split_passages
from airunner.tools.toolset import Toolset
from airunner.tools.word_index import WordIndex

pytestmark = pytest.mark.real

Read = Callable[[str], object]

ONCE = 5_000
"""Characters, which are read once and four times over."""

UNNOTICED_S = 0.05
MOST_GROWTH = 8  # four times the text; its square would be sixteen


def parts(read: Callable[[bytes, str], Document]) -> Read:
    return lambda text: read(text.encode(), "name").parts


def found(text: str) -> object:
    return WordIndex(["text"], ([text],)).find(text[:1000], 4)


def changed(text: str) -> object:
    return edited(PlainText(text, "utf-8"), text[:2000] + "!", "b", "name")


def streamed(text: str) -> object:
    """An answer as it comes to a terminal."""
    blocks = Blocks()
    return [
        (blocks.add(text[start : start + 200]), blocks.end(1000))
        for start in range(0, len(text), 200)
    ]


READ: dict[str, Read] = {
    "streamed answer": streamed,
    "markdown": parts(read_markdown),
    "plain text": parts(read_plain),
    "html": parts(read_html),
    "clean text": clean_text,
    "passages": lambda text: split_passages(text, 200),
    "head and tail": lambda text: head_and_tail(text, 500),
    "word index": found,
    "edit": changed,
    "one line": lambda text: one_line(text, 100),
    "enhanced prompt": lambda text: merged("a cat", text),
    "wish": split_request,
    **{
        name: lambda text, read=reader.read: read(text.encode())  # type: ignore[misc]
        for name, reader in READERS.items()
    },
}
PIECES = [
    *(" ", "\n", "\t", "\r", "\xa0", " \n", "\n\n \n", "a", "a ", "a\n", "a.", "é", "\u0301\u0316"),
    *(
        "[",
        "](",
        "![a](",
        "*",
        "_",
        "`",
        "```\n",
        "~~~\n```\n",
        "# ",
        " #",
        "=\n",
        "a\n=\n",
        "- a\n",
    ),
    *("<", "<!--", "<a ", "<p>", "<title ", "<meta ", "<b>x", "<table><tr><td>", "&#", "&"),
    *("(", "((", "a(", ",(", "{", '{"a":', "[1,", '"', "'", "\\", '\\"', "“", "‘", ";", "|a"),
    *("1", "1,", "1.", "1/", "1-", "-", "+", "!", "^", "one ", "two hundred ", "in ", "a=", "a,"),
    *("SELECT ", "WITH a AS ", "/*", "//", "%2e", "../", "/", "x-", "\uff9e", "\u0f73"),
]
FORMS = [
    ("html", "<title>a{}b</title><body><p>text</p>", " "),
    ("html", "<body><pre>a{}b</pre>", " "),
    ("html", "<body><h1>a{}b</h1>", " "),
    ("markdown", "# a{}b", " "),
    ("markdown", "a\n{}\nb\n===", " "),
    ("script", "```{}\nprint(1)", "a"),
    ("script", "```\n{}", "    \n"),
    ("plain text", "a\n{}\nb", " "),
    ("export", "{{{}", '"format"'),
    ("export", "{{{}", '"format""conversations"'),
    ("flags", "permissions=a(x={})=allow", ","),
]


def seconds(read: Read, text: str, times: int) -> float:
    """The shortest processor time, so that a busy machine does not count."""
    shortest = float("inf")
    for _ in range(times):
        begin_s = time.process_time()
        with suppress(AiRunnerError):
            read(text)
        shortest = min(shortest, time.process_time() - begin_s)
    return shortest


def grows_with_its_square(read: Read, form: str, piece: str) -> bool:
    once, four_times = (form.format(piece * (n * ONCE // len(piece))) for n in (1, 4))
    if seconds(read, four_times, 1) < UNNOTICED_S:
        return False
    return seconds(read, four_times, 3) > MOST_GROWTH * max(seconds(read, once, 3), 0.002)


@pytest.mark.parametrize("name", READ)
def test_four_times_the_text_is_about_four_times_the_work(name: str) -> None:
    seconds(READ[name], "a", 1)  # what is loaded or compiled once is not the text's
    # Of a library a part is enough: it runs in a process that is ended.
    pieces = [p for p in PIECES if p[0] in "<& \u0301["] if name == "html" else PIECES
    frozen = [piece for piece in pieces if grows_with_its_square(READ[name], "{}", piece)]
    assert not frozen


@pytest.mark.parametrize(("name", "form", "piece"), FORMS)
def test_so_it_is_within_a_frame(name: str, form: str, piece: str) -> None:
    assert not grows_with_its_square(READ[name], form, piece)


@pytest.mark.parametrize(
    ("tool", "form", "piece"),
    [
        ("set_reminder", "plot {}x", " "),
        ("generate_image", "make it: {}x", "\t"),
    ],
)
def test_a_long_wish_of_a_guided_model_takes_no_longer(tool: str, form: str, piece: str) -> None:
    toolset = Toolset([*builtin_toolset(), *image_toolset()])
    guided = GuidedToolCalling(toolset, ToolBlock(toolset))

    def arguments(text: str) -> object:
        return guided.next_step([Message("user", text)], may_call=True, again=None, choice=tool)

    seconds(arguments, "a", 1)
    assert not grows_with_its_square(arguments, form, piece)


def test_the_line_of_an_entry_is_found_in_few_readings(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("a = 1\n" + "# more\n" * 3_000 + '[models.b]\nc = """\n' + "\n" * 500 + '"""\n')
    read = read_toml(path)
    begin_s = time.process_time()
    read.line_of(["models", "b", "c"])
    assert time.process_time() - begin_s < 3.0
    path.write_text("a = 1\nb = [\n1,\n2,\n]\n\n[models]\nc = 3\nd = 4\n")
    read = read_toml(path)
    keys = (["a"], ["b"], ["models"], ["models", "c"], ["models", "d"], ["none"])
    assert [read.line_of(key) for key in keys] == [1, 2, 7, 8, 9, 1]


def test_marks_beyond_what_any_language_has_are_left_out() -> None:
    assert normalized("NFC", "e\u0301" * 3) == "é" * 3
    assert normalized("NFC", "a" + "\u0316" * 40 + "b") == "a" + "\u0316" * MOST_MARKS + "b"
    korean = "\u1112\u1161\u11ab" * 100
    assert normalized("NFC", korean) == "한" * 100
    assert normalized("NFC", "語" * 100) == "語" * 100


@pytest.fixture
def pdf(tmp_path: Path) -> Task:
    path = write_pdf(tmp_path / "a.pdf", ["first page", "second page"])
    return Task(str(path), "a.pdf", "pdf", 1000)


def test_a_reader_that_takes_too_long_is_ended_and_the_next_document_is_read(pdf: Task) -> None:
    with ReadingProcess(page_s=0.0) as process:
        with pytest.raises(ToolFailedError, match="took too long"):
            process.read(pdf, ignore_page, go_on)
        process._page_s = 60.0
        assert process.read(pdf, ignore_page, go_on).page_count == 2


def test_a_reader_that_dies_is_told_and_the_next_document_is_read(pdf: Task) -> None:
    with ReadingProcess() as process:
        process.read(pdf, ignore_page, go_on)
        assert process._process is not None
        process._process.kill()
        process._process.wait()
        with pytest.raises(ToolFailedError, match="broke down"):
            process.read(pdf, ignore_page, go_on)
        assert process.read(pdf, ignore_page, go_on).sections[1].page == 2


def test_what_nobody_waits_for_is_given_up_and_leaves_no_process(pdf: Task) -> None:
    class GivenUpError(Exception):
        pass

    def give_up() -> None:
        raise GivenUpError

    process = ReadingProcess()
    with process, pytest.raises(GivenUpError):
        process.read(pdf, ignore_page, give_up)
    assert process._process is None


def test_a_page_that_froze_its_reader_is_read_or_given_up(tmp_path: Path) -> None:
    """Written as entities, its marks are marks only for the library."""
    page = tmp_path / "a.html"
    page.write_text(f"<html><body><p>a{'&#x301;&#x316;' * 20_000}</p></body></html>")
    task = Task(str(page), "a.html", "html", 1_000_000)
    with ReadingProcess(page_s=2.0) as process:
        begin_s = time.process_time()
        try:
            process.read(task, ignore_page, go_on)
        except ToolFailedError as error:
            assert "took too long" in str(error)  # noqa: PT017
        assert time.process_time() - begin_s < 1.0, "it was read in this process"


def test_a_word_that_is_said_again_and_again_is_found(tmp_path: Path) -> None:
    """SQLite's own excerpts would take an hour, in which nothing else could be read or saved."""
    records = Records(tmp_path / "records.sqlite3")
    said = [Message("user", "such a word " + "buffalo " * 20_000)]
    records.conversations.save("a" * 32, said)
    for query in ("buffalo", "buffaloes", "such", "word buffalo"):
        (found,) = records.conversations.search(query)
        assert len(found.excerpt) < 300
    assert found.excerpt.startswith("such a word buffalo")
    records.close()
