"""Paths and contents are taken out of a message."""

from __future__ import annotations

import pytest

from airunner.guided.marks.table import marks_of
from airunner.guided.request import split_request
from airunner.toolbox.files.file_tools import copy_file, edit_file, move_file, write_file
from airunner.toolbox.files.folder_tools import find_in_files, list_files, make_folder
from airunner.tools.tool import Tool


@pytest.mark.parametrize(
    ("tool", "message", "given"),
    [
        (list_files, "list all pdf files in notes/old", {"path": "notes/old", "pattern": "pdf",
         "deep": "true"}),
        (list_files, "the largest *.md files in the folder called notes", {"path": "notes",
         "pattern": "*.md", "sort": "largest"}),
        (list_files, "list my files", {}),
        (find_in_files, "search my files for the word 'pay rent' in notes/", {"text": "pay rent",
         "path": "notes"}),
        (find_in_files, "which files mention the dentist?", {"text": "the dentist"}),
        (write_file, "write to notes/a.txt: milk and eggs", {"path": "notes/a.txt",
         "content": "milk and eggs"}),
        (write_file, "Overwrite a.txt: new", {"path": "a.txt", "content": "new",
         "overwrite": "true"}),
        (edit_file, "replace 'old one' with 'new one' in plan.md", {"path": "plan.md",
         "old": "old one", "new": "new one"}),
        (copy_file, "copy notes/a.txt to old/b.txt", {"path": "notes/a.txt", "to": "old/b.txt"}),
        (move_file, "rename the file draft.md to final.md", {"path": "draft.md",
         "to": "final.md"}),
        (move_file, "move report.pdf into the folder archive", {"path": "report.pdf",
         "to": "archive"}),
        (make_folder, "make a folder called invoices", {"path": "invoices"}),
    ],
)  # fmt: skip
def test_the_users_words_fill_in_what_a_small_model_cannot(
    tool: Tool, message: str, given: dict[str, str]
) -> None:
    assert set(marks_of(tool)) == set(tool.parameters["properties"])
    request = split_request(message)
    taken = {name: mark.take(request, "") for name, mark in marks_of(tool).items()}
    assert {name: value for name, value in taken.items() if value is not None} == given
    assert set(tool.validate(given).values) == set(given)
