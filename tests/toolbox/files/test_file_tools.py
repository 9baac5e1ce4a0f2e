"""The tools for files, on a real folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.files import file_tools, folder_tools
from airunner.toolbox.files.file_tools import (
    append_to_file,
    copy_file,
    delete_file,
    edit_file,
    move_file,
    write_file,
)
from airunner.toolbox.files.folder_tools import find_in_files, list_files, make_folder
from airunner.tools.files_folder import FilesFolder
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset

MODULES = (file_tools, folder_tools)
TOOLS = Toolset(t for module in MODULES for t in vars(module).values() if isinstance(t, Tool))


class Api:
    """Nothing but a files folder."""

    cancelled = False

    def __init__(self, folder: Path) -> None:
        self.files = FilesFolder(folder)

    def forbids(self, argument: str, value: str) -> bool:
        return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    (path / "notes" / "old").mkdir(parents=True)
    (path / "notes" / "plan.md").write_text("# Plan\nCall Anna.\nTODO: pay rent\n", "utf-8")
    (path / "notes" / "old" / "first.txt").write_text("todo: nothing\n", "utf-8")
    (path / "big.bin").write_bytes(bytes(5000))
    (path / ".hidden").write_text("TODO: hide", "utf-8")
    for number, name in enumerate(("notes/plan.md", "notes/old/first.txt", "big.bin")):
        os.utime(path / name, (1_700_000_000 + 86400 * number,) * 2)
    return path


@pytest.fixture
def api(folder: Path) -> Api:
    return Api(folder)


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_files_are_listed_with_sizes_and_dates(api: Api) -> None:
    head, *lines = list_files(api=api).splitlines()
    assert head == "2 in the files folder:"
    assert lines[0].startswith("big.bin, 5.00 KB, 2023-11-1")
    assert lines[1] == "notes/, folder"
    deep = list_files(deep=True, sort="newest", api=api).splitlines()[1:]
    assert [line.split(",")[0] for line in deep] == [
        "big.bin",
        "notes/old/first.txt",
        "notes/plan.md",
    ]
    assert list_files("notes", "*.md", api=api).startswith("1 in notes/:\nnotes/plan.md, 33 B")
    assert "first.txt" in list_files(pattern="TXT", deep=True, api=api)
    assert "first.txt" in list_files(pattern="notes/*/*.txt", deep=True, api=api)
    assert list_files(pattern="*.pdf", api=api) == (
        "There is nothing called '*.pdf' in the files folder."
    )
    for name, hint in (("nowhere", "no folder"), ("big.bin", "is a file; name a folder")):
        with pytest.raises(ToolRetryError, match=hint):
            list_files(name, api=api)


def test_a_long_list_says_how_much_of_it_is_shown(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number:03}.txt").touch()
    lines = list_files(api=Api(tmp_path)).splitlines()
    assert lines[0] == "100 in the files folder:"
    assert lines[-1].startswith("... and 40 more")
    assert len(lines) == 62


def test_lines_are_found_in_files(api: Api) -> None:
    result = find_in_files("todo", api=api)
    assert result.splitlines() == [
        "2 lines have 'todo' in 2 text files; 1 more were passed over: no plain text, or too "
        "large (search_documents reads PDF and Word).",
        "notes/plan.md:3: TODO: pay rent",
        "notes/old/first.txt:1: todo: nothing",
    ]
    assert "first.txt" not in find_in_files("todo", "notes/plan.md", api=api)
    assert "first.txt" not in find_in_files("todo", pattern="*.md", api=api)
    assert "plan.md:2: Call Anna." in find_in_files(r"call \w+", regex=True, api=api)
    assert "'a.n' is not in 2 text files" in find_in_files("a.n", api=api)
    assert find_in_files("o", max_results=1, api=api).endswith("... and 1 more lines.")


def test_a_file_is_written_but_not_over_another_unasked(api: Api, folder: Path) -> None:
    assert write_file("a/b/new.txt", "Grüße\n", api=api) == "Wrote a/b/new.txt (8 B)."
    assert (folder / "a/b/new.txt").read_bytes() == "Grüße\n".encode()
    with pytest.raises(ToolRetryError, match=r"exists already \(8 B\).*overwrite=true"):
        write_file("a/b/new.txt", "other", api=api)
    result = write_file("a/b/new.txt", "other", overwrite=True, api=api)
    assert result == "Wrote a/b/new.txt (5 B, replacing 8 B)."
    assert (folder / "a/b/new.txt").read_text("utf-8") == "other"
    for name, hint in (
        ("notes", "is a folder"),
        ("big.bin/x.txt", "cannot be a folder"),
        (".", "files folder itself"),
        (" ", "name of a file"),
        ("new/", "folder's name"),
        ("é" * 130, "too long"),
        ("a\nb.txt", "signs no name has"),
    ):
        with pytest.raises(ToolRetryError, match=hint):
            write_file(name, "x", api=api)
    assert names(folder) == {
        ".hidden", "big.bin", "a/b/new.txt", "notes/plan.md", "notes/old/first.txt",
    }  # fmt: skip


def test_text_is_added_on_a_line_of_its_own(api: Api, folder: Path) -> None:
    assert append_to_file("log.txt", "one", api=api) == "Made log.txt with this text (4 B)."
    (folder / "log.txt").write_bytes(b"one")
    assert append_to_file("log.txt", "two\n", api=api) == "Added 5 B to log.txt."
    append_to_file("log.txt", "three", api=api)
    assert (folder / "log.txt").read_text("utf-8") == "one\ntwo\nthree\n"
    with pytest.raises(ToolRetryError, match="empty"):
        append_to_file("log.txt", " \n", api=api)
    with pytest.raises(ToolFailedError, match="binary") as caught:
        append_to_file("big.bin", "x", api=api)
    assert caught.value.tool == "append_to_file"


def test_one_passage_is_edited(api: Api, folder: Path) -> None:
    assert edit_file("notes/plan.md", "Anna", "Ben", api=api) == "Changed notes/plan.md at line 2."
    assert (folder / "notes/plan.md").read_text("utf-8") == "# Plan\nCall Ben.\nTODO: pay rent\n"
    for old, hint in (("Anna", "does not have"), ("a", "3 times")):
        with pytest.raises(ToolRetryError, match=hint):
            edit_file("notes/plan.md", old, "x", api=api)
    with pytest.raises(ToolRetryError, match="no file"):
        edit_file("nowhere.md", "a", "b", api=api)


def test_files_are_copied_and_moved(api: Api, folder: Path) -> None:
    plan = (folder / "notes/plan.md").read_bytes()
    assert copy_file("notes/plan.md", "copy.md", api=api) == "Copied notes/plan.md to copy.md."
    assert copy_file("notes/plan.md", "backup/", api=api).endswith("to backup/plan.md.")
    assert move_file("copy.md", "notes/old", api=api) == "Moved copy.md to notes/old/copy.md."
    assert move_file("notes/old/copy.md", ".", api=api).endswith("to copy.md.")
    with pytest.raises(ToolRetryError, match="exists already"):
        move_file("copy.md", "notes/plan.md", api=api)
    with pytest.raises(ToolRetryError, match="there already"):
        copy_file("copy.md", "notes/../copy.md", api=api)
    with pytest.raises(ToolRetryError, match="no file"):
        copy_file("nowhere.md", "x.md", api=api)
    move_file("copy.md", "notes/plan.md", overwrite=True, api=api)
    assert not (folder / "copy.md").exists()
    assert (folder / "notes/plan.md").read_bytes() == plan
    assert (folder / "backup/plan.md").read_bytes() == plan


def test_what_is_deleted_can_be_taken_back(api: Api, folder: Path) -> None:
    plan = (folder / "notes/plan.md").read_bytes()
    result = delete_file("notes/plan.md", api=api)
    assert "it is now .trash/notes/plan.md" in result
    write_file("notes/plan.md", "another", api=api)
    assert ".trash/notes/plan 2.md" in delete_file("notes/plan.md", api=api)
    assert "plan" not in list_files(deep=True, api=api)
    assert "another" not in find_in_files("another", api=api).split("is not in")[1]
    with pytest.raises(ToolRetryError, match="deleted already"):
        delete_file(".trash/notes/plan.md", api=api)
    move_file(".trash/notes/plan.md", "notes/plan.md", api=api)
    assert (folder / "notes/plan.md").read_bytes() == plan
    with pytest.raises(ToolRetryError, match="is a folder"):
        delete_file("notes", api=api)


def test_a_folder_is_made(api: Api, folder: Path) -> None:
    assert make_folder("notes/2026/may", api=api) == "Made the folder notes/2026/may."
    assert (folder / "notes/2026/may").is_dir()
    assert "exists already" in make_folder("notes", api=api)
    for name in ("big.bin", "big.bin/x"):
        with pytest.raises(ToolRetryError, match="is a file"):
            make_folder(name, api=api)


CALLS: list[tuple[Tool, str, dict[str, Any]]] = [
    (list_files, "path", {}),
    (find_in_files, "path", {"text": "x"}),
    (write_file, "path", {"content": "x", "overwrite": True}),
    (append_to_file, "path", {"content": "x"}),
    (edit_file, "path", {"old": "secret", "new": "x"}),
    (copy_file, "path", {"to": "x.txt"}),
    (copy_file, "to", {"path": "big.bin", "overwrite": True}),
    (move_file, "path", {"to": "x.txt"}),
    (move_file, "to", {"path": "big.bin", "overwrite": True}),
    (delete_file, "path", {}),
    (make_folder, "path", {}),
]


@pytest.mark.parametrize(
    "name", ["../secret.txt", "/etc/hostname", "out.txt", "way/secret.txt", "notes/../../x", "~/x"]
)
@pytest.mark.parametrize(
    ("tool", "parameter", "others"), CALLS, ids=[f"{tool.name}-{p}" for tool, p, _ in CALLS]
)
def test_no_way_leads_out_of_the_folder(
    api: Api, folder: Path, tool: Tool, parameter: str, others: dict[str, Any], name: str
) -> None:
    outside = folder.parent
    (outside / "secret.txt").write_text("secret", "utf-8")
    (folder / "out.txt").symlink_to(outside / "secret.txt")
    (folder / "way").symlink_to(outside)
    before = names(folder)
    with pytest.raises(ToolRetryError, match="outside of"):
        tool(**{parameter: name}, **others, api=api)
    assert names(folder) == before
    assert {path.name for path in outside.iterdir()} == {"files", "secret.txt"}
    assert (outside / "secret.txt").read_text("utf-8") == "secret"


def test_links_are_not_followed_even_inside(api: Api, folder: Path) -> None:
    (folder / "way").symlink_to(folder / "notes")
    (folder / "alias.md").symlink_to(folder / "notes" / "plan.md")
    for tool, arguments in (
        (write_file, {"path": "way/x.md", "content": "x"}),
        (edit_file, {"path": "alias.md", "old": "Anna", "new": "x"}),
        (move_file, {"path": "alias.md", "to": "x.md"}),
        (copy_file, {"path": "big.bin", "to": "way"}),
        (delete_file, {"path": "alias.md"}),
        (make_folder, {"path": "way/x"}),
    ):
        with pytest.raises(ToolRetryError, match="leads through a link to 'notes"):
            tool(**arguments, api=api)
    (folder / ".trash").symlink_to(folder.parent)
    with pytest.raises(ToolRetryError, match="outside of"):
        delete_file("big.bin", api=api)
    assert "way" not in list_files(api=api)
    assert "alias.md" not in find_in_files("Anna", api=api)


def test_what_changes_files_says_so() -> None:
    tools = list(TOOLS)
    reading = {tool.name for tool in tools if tool.permission == "read"}
    assert reading == {"list_files", "find_in_files"}
    assert {tool.permission for tool in tools} == {"read", "write"}
