"""Documents and questions are taken out of a message."""

from __future__ import annotations

from airunner.guided.marks.table import marks_of
from airunner.guided.request import split_request
from airunner.toolbox.documents import document_tools
from airunner.toolbox.documents.document_tools import read_document, summarize_document
from airunner.tools.tool import Tool


def test_the_users_words_fill_in_what_a_small_model_cannot() -> None:
    def given(tool: Tool, message: str) -> dict[str, str | None]:
        request = split_request(message)
        return {name: mark.take(request, "") for name, mark in marks_of(tool).items()}

    for tool in (t for t in vars(document_tools).values() if isinstance(t, Tool)):
        assert set(marks_of(tool)) == set(tool.parameters["properties"])
    message = "read page 12 of docs/manual.pdf"
    assert given(read_document, message) == {"file": "docs/manual.pdf", "part": None, "page": "12"}
    assert read_document.validate({"file": "a.pdf", "page": "12"}).as_json["page"] == 12
    message = "Sum up a.pdf in 3 sentences."
    assert given(summarize_document, message) == {"file": "a.pdf", "max_sentences": "3"}
    assert given(summarize_document, "in 99 sentences")["max_sentences"] is None
