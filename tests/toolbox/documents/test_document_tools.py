"""The tools for documents, with real files and a specialist that is scripted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.toolbox.documents.pdf_file import write_pdf
from tests.toolbox.documents.word_file import write_contract

from airunner.errors import GenerationError, ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.toolbox.documents.document_tools import (
    answer_from_document,
    read_document,
    search_documents,
    summarize_document,
)
from airunner.tools.files_folder import FilesFolder
from airunner.tools.passages import estimated_tokens
from airunner.tools.tool import Tool

FILLER = "The committee met in May and decided what had to be done about the river. "
PAGES = [f"{topic}. {FILLER * 30}" for topic in ("Dams", "Bridges", "Ferries", "Locks", "Canals")]
PAGES[3] += "The lock keeper of Wexford earns 31,400 pounds a year. "


class Api:
    """A files folder, and a specialist whose replies a function makes from its prompts."""

    def __init__(self, folder: Path, reply: Callable[[str], str | None] = lambda _: None) -> None:
        self.files = FilesFolder(folder)
        self.cancelled = False
        self.reports: list[str] = []
        self.prompts: list[tuple[ModelCapability, str]] = []
        self._reply = reply
        self._capability = ModelCapability.SUMMARIZATION

    def report(self, text: str) -> None:
        self.reports.append(text)

    def use_specialized_model(
        self, capability: ModelCapability, prompt: str, max_tokens: int = 512
    ) -> str | None:
        self.prompts.append((capability, prompt))
        return self._reply(prompt)

    def load_specialized_model(
        self, capability: ModelCapability, return_to_primary: bool = True
    ) -> Api:
        self._capability = capability
        return self

    def invoke(self, prompt: str, *, max_tokens: int | None = None, remember: bool = True) -> str:
        answer = self.use_specialized_model(self._capability, prompt)
        if answer is None:
            raise GenerationError("scripted", "no")
        return answer

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    path.mkdir()
    write_pdf(path / "rivers.pdf", PAGES, title="Rivers")
    write_contract(path / "lease.docx")
    (path / "notes").mkdir()
    (path / "notes" / "plan.md").write_text("# Plan\n\nCall the lock keeper.", encoding="utf-8")
    return path


def test_a_document_is_read_part_by_part_to_its_end(folder: Path) -> None:
    api, texts, part = Api(folder), [], 1
    while True:
        result = read_document("rivers.pdf", part, api=api)
        assert estimated_tokens(result) < 1000
        head, text = result.split("\n\n", 1)
        texts.append(text)
        if "to go on" not in head:
            break
        part += 1
        assert f"Ask for part {part} to go on." in head
    assert head == f"rivers.pdf “Rivers”, part {part} of {part} (page 5 of 5)."
    whole = " ".join("\n".join(texts).split())
    assert all(f"[page {n}] {PAGES[n - 1].split()[0]}" in whole for n in range(1, 6))
    assert whole.count("decided what had to be done") == 5 * 30
    with pytest.raises(ToolRetryError, match=f"from 1 to {part}"):
        read_document("rivers.pdf", part + 1, api=api)


def test_a_page_is_found_by_its_number(folder: Path) -> None:
    api = Api(folder)
    write_pdf(folder / "gaps.pdf", ["one", "", "three"])
    assert "[page 4]\nLocks." in read_document("rivers.pdf", page=4, api=api)
    assert "Page 2 has no text" in read_document("gaps.pdf", api=api)
    for file, page, hint in (
        ("gaps.pdf", 2, "no text on page 2"),
        ("gaps.pdf", 4, "has 3 pages"),
        ("lease.docx", 1, "no pages; ask for a part"),
    ):
        with pytest.raises(ToolRetryError, match=hint):
            read_document(file, page=page, api=api)


def test_passages_are_found_with_their_pages(folder: Path) -> None:
    api = Api(folder)
    result = search_documents("search rivers.pdf for the lock keeper's pay", "rivers.pdf", api=api)
    assert result.startswith('rivers.pdf “Rivers”: what fits "search for the lock keeper\'s pay"')
    assert result.index("[page 4]") < result.index("Wexford earns 31,400")
    assert "[section “Notice”]" in search_documents("three months", "lease.docx", api=api)
    nothing = search_documents("comittee", "rivers.pdf", api=api)
    assert "Nothing in rivers.pdf" in nothing
    assert "Similar words in it: committee" in nothing


def test_all_documents_are_searched_and_what_was_not_is_said(folder: Path) -> None:
    api = Api(folder)
    write_pdf(folder / "scan.pdf", [""])
    (folder / "code.py").write_text("lock = keeper", encoding="utf-8")
    (folder / ".trash").mkdir()
    (folder / ".trash" / "old.md").write_text("the lock keeper", encoding="utf-8")
    outside = folder.parent / "secret.md"
    outside.write_text("the lock keeper", encoding="utf-8")
    (folder / "link.md").symlink_to(outside)
    result = search_documents("lock keeper", api=api)
    assert result.startswith("What fits 'lock keeper' best in 3 documents:")
    assert "[notes/plan.md, section “Plan”]" in result
    assert "[rivers.pdf, page 4]" in result
    assert "Not searched: scan.pdf (there is no text in it" in result
    assert "secret" not in result
    assert "code.py" not in result
    assert "None of 3 documents has a word of" in search_documents("zeppelin", api=api)
    assert "3 of 4 documents" in api.reports


def test_of_too_many_documents_those_named_so_and_the_newest_count(tmp_path: Path) -> None:
    for number in range(205):
        path = tmp_path / f"{number:03}.txt"
        path.write_text(f"report {number}", encoding="utf-8")
        os.utime(path, (number, number))
    (tmp_path / "report.txt").write_text("a report of old", encoding="utf-8")
    os.utime(tmp_path / "report.txt", (0, 0))
    result = search_documents("report", max_results=10, api=Api(tmp_path))
    assert "[report.txt, line 1]" in result
    assert "Not searched: 005.txt (only 200 are), 004.txt" in result
    assert "and 1 more." in result


def test_a_document_of_any_length_is_summarised(folder: Path) -> None:
    api = Api(folder, lambda prompt: f"About {prompt.split()[12:13]}.")
    write_pdf(folder / "long.pdf", [f"Chapter {n}. {FILLER * 40}" for n in range(60)])
    result = summarize_document("long.pdf", 3, api=api)
    assert result.startswith("Summary of long.pdf (60 pages): About")
    capabilities = {capability for capability, _ in api.prompts}
    assert capabilities == {ModelCapability.SUMMARIZATION}
    assert len(api.prompts) > 50
    sent = "".join(prompt for _, prompt in api.prompts)
    assert all(f"Chapter {n}." in sent for n in range(60))
    fallback = summarize_document("notes/plan.md", 3, api=Api(folder))
    assert "could not be used" in fallback
    assert "Call the lock keeper." in fallback


def test_an_answer_comes_with_quotations_that_are_there(folder: Path) -> None:
    def reply(prompt: str) -> str:
        assert "Wexford" in prompt
        assert estimated_tokens(prompt) < 1400
        quote = "lock keeper of Wexford earns 31,400 pounds"
        return f'Answer: 31,400 pounds.\nQuote: "{quote}"\nQuote: "at 99"'

    api = Api(folder, reply)
    question = "According to rivers.pdf, how much does the lock keeper earn?"
    assert answer_from_document("rivers.pdf", question, api=api) == (
        "Answer from rivers.pdf “Rivers”: 31,400 pounds.\n\n"
        "Checked word for word:\n"
        '- "The lock keeper of Wexford earns 31,400 pounds a year." (page 4)\n\n'
        "1 more said to be a quotation was not, and was dropped."
    )
    assert api.prompts[0][0] is ModelCapability.EXTRACTION
    assert question in api.prompts[0][1]


@pytest.mark.parametrize(
    ("reply", "head"),
    [
        (None, "The model for answers could not be used. From rivers.pdf “Rivers”, the passages"),
        ("Not said.", "The model found no answer in these passages."),
        ('It is 99.\nQuote: "earns 99 pounds"', "The model's answer is left out, as no quotation"),
    ],
)
def test_without_an_answer_the_passages_speak(folder: Path, reply: str | None, head: str) -> None:
    api = Api(folder, lambda _: reply)
    result = answer_from_document("rivers.pdf", "What does the lock keeper earn?", api=api)
    assert result.startswith(head)
    assert "99" not in result
    assert result.index("[page 4]") < result.index("Wexford earns 31,400 pounds")
    guess = answer_from_document("rivers.pdf", "zeppelin?", api=api)
    assert "the beginning, as no passage fits:\n\n[page 1]" in guess or "left out" in guess


def test_a_number_that_is_not_in_the_passages_is_pointed_at(folder: Path) -> None:
    reply = 'Answer: 31,400 pounds since 1987.\nQuote: "earns 31,400 pounds a year"'
    result = answer_from_document(
        "rivers.pdf", "What does the lock keeper earn?", api=Api(folder, lambda _: reply)
    )
    assert result.endswith("Careful: these passages do not have the number 1987.")


def test_a_call_that_was_given_up_reads_no_further(folder: Path) -> None:
    api = Api(folder)
    api.cancelled = True
    write_pdf(folder / "fresh.pdf", ["never read before"])
    with pytest.raises(ToolFailedError, match="given up"):
        read_document("fresh.pdf", api=api)
    with pytest.raises(ToolFailedError, match="given up"):
        search_documents("never", api=api)


def test_failures_carry_the_name_of_the_tool(folder: Path) -> None:
    (folder / "a.bin").write_bytes(bytes(300))
    for tool in (read_document, summarize_document):
        with pytest.raises(ToolFailedError, match=r"reading a\.bin: it is not text") as caught:
            tool("a.bin", api=Api(folder))
        assert caught.value.tool == tool.name


CALLS: list[tuple[Tool, dict[str, Any]]] = [
    (read_document, {}),
    (search_documents, {"query": "x"}),
    (summarize_document, {}),
    (answer_from_document, {"question": "x"}),
]


@pytest.mark.parametrize(
    "name", ["../secret.md", "/etc/hostname", "link.md", "~/x.md", "a/../../b"]
)
@pytest.mark.parametrize(("tool", "others"), CALLS, ids=[tool.name for tool, _ in CALLS])
def test_nothing_outside_of_the_folder_is_read(
    folder: Path, tool: Tool, others: dict[str, Any], name: str
) -> None:
    (folder.parent / "secret.md").write_text("secret", encoding="utf-8")
    (folder / "link.md").symlink_to(folder.parent / "secret.md")
    with pytest.raises(ToolRetryError, match="outside of"):
        tool(file=name, api=Api(folder), **others)
