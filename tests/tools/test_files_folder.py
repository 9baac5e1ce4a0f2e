"""Names of files: those in the folder, and those attached to the conversation."""

from __future__ import annotations

from pathlib import Path

import pytest

from airunner.errors import ToolRetryError
from airunner.toolbox.files.folder_walk import walk
from airunner.toolbox.files.target import direct_file, target_meant
from airunner.tools.files_folder import FilesFolder


@pytest.fixture
def attached(tmp_path: Path) -> Path:
    folder = tmp_path / "attached" / "one"
    folder.mkdir(parents=True)
    (folder / "sales.csv").write_text("of the conversation")
    (folder.parent / "secret.csv").write_text("of another one")
    (folder / "link.csv").symlink_to(folder.parent / "secret.csv")
    return folder


@pytest.fixture
def files(tmp_path: Path, attached: Path) -> FilesFolder:
    (tmp_path / "files").mkdir()
    return FilesFolder(tmp_path / "files").with_attached(attached)


@pytest.mark.parametrize("name", ["attached/sales.csv", "sales.csv", " sales.csv "])
def test_an_attached_file_is_read_by_one_spelling(
    files: FilesFolder, attached: Path, name: str
) -> None:
    meaning = files.readable_meaning(name)
    assert (meaning.text, meaning.around) == ("attached/sales.csv", "attached/*")
    assert meaning.same == (str(attached / "sales.csv"),)
    assert files.readable(meaning.text) == attached / "sales.csv"


def test_what_is_in_the_folder_itself_keeps_its_name(files: FilesFolder, attached: Path) -> None:
    (files.path / "sales.csv").write_text("of the folder")
    assert files.readable("sales.csv").read_text() == "of the folder"
    assert files.readable_meaning("sales.csv").text == "sales.csv"
    assert files.readable("attached/sales.csv") == attached / "sales.csv"
    assert [entry.name for entry in walk(files, files.path, deep=True)] == [
        "attached/sales.csv",
        "sales.csv",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "attached/secret.csv",
        "attached/../secret.csv",
        "attached/link.csv",
        "link.csv",
        "attached/",
        "attached/.",
        "attached/one/sales.csv",
        "attached/attached/sales.csv",
    ],
)
def test_nothing_else_is_reached_that_way(files: FilesFolder, name: str) -> None:
    with pytest.raises(ToolRetryError):
        files.readable(name)


def test_what_changes_files_never_means_an_attached_one(files: FilesFolder, attached: Path) -> None:
    for name in ("sales.csv", "attached/sales.csv", str(attached / "sales.csv")):
        with pytest.raises(ToolRetryError):
            direct_file(files, name)
    assert target_meant("sales.csv", {}, files).same == (str(files.path / "sales.csv"),)


def test_where_a_file_is_missing_those_of_its_kind_are_named(tmp_path: Path) -> None:
    files = FilesFolder(tmp_path)
    with pytest.raises(ToolRetryError, match=r"There is no file 'nope\.csv' in .*[^.]\.$"):
        files.readable("nope.csv")
    for name in ("bin.csv", "sales.csv", "people.csv", "letter.txt"):
        (tmp_path / name).touch()
    with pytest.raises(ToolRetryError, match=r"There is people\.csv, bin\.csv, sales\.csv\.$"):
        files.readable("nope.csv")
    with pytest.raises(ToolRetryError, match=r"There is sales\.csv, "):
        files.readable("sale.csv")
    with pytest.raises(ToolRetryError, match=r"There is (\w+\.\w+, ){3}\w+\.\w+\.$"):
        files.readable("what.pdf")
    for number in range(9):
        (tmp_path / f"{number}.csv").touch()
    with pytest.raises(ToolRetryError, match="and 6 more"):
        files.readable("what.csv")


def test_without_a_conversation_there_are_none(files: FilesFolder) -> None:
    with pytest.raises(ToolRetryError, match="no file"):
        FilesFolder(files.path).readable("attached/sales.csv")
    with pytest.raises(ToolRetryError, match=r"There is attached/sales\.csv"):
        files.readable("sale.csv")
