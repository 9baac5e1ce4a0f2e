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

    def forbids(self, argument: str, value: str) -> bool:
        return False

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
    result = search_documents("the lock keeper's pay", "rivers.pdf", api=api)
    assert result.startswith('What fits "the lock keeper\'s pay" best in rivers.pdf “Rivers”:')
    assert result.index("[page 4]") < result.index("Wexford earns 31,400")
    assert "[section “Notice”]" in search_documents("three months", "lease.docx", api=api)
    assert "Nothing in rivers.pdf" in search_documents("comittee", "rivers.pdf", api=api)


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
    assert "Nothing in 3 documents has a word of" in search_documents("zeppelin", api=api)
    assert "3 of 4 documents" in api.reports


def test_of_too_many_documents_the_newest_are_searched(tmp_path: Path) -> None:
    for number in range(205):
        path = tmp_path / f"{number:03}.txt"
        path.write_text(f"report {number}", encoding="utf-8")
        os.utime(path, (number, number))
    result = search_documents("report 204", max_results=10, api=Api(tmp_path))
    assert "[204.txt, line 1]" in result
    assert "Not searched: 004.txt (only 200 are), 003.txt" in result
    assert "[003.txt" not in result


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
    with pytest.raises(ToolFailedError, match="could not be used; read the text") as caught:
        summarize_document("notes/plan.md", 3, api=Api(folder))
    assert caught.value.tool == "summarize_document"


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
