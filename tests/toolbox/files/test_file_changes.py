"""Text files searched, edited and saved: exactly, within bounds, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.documents.plain import PlainText, decode
from airunner.toolbox.files import line_search, saving
from airunner.toolbox.files.editing import addition, edited
from airunner.toolbox.files.folder_walk import walk
from airunner.toolbox.files.line_search import lines_matching, searched, shown
from airunner.tools.files_folder import FilesFolder

TEXTS = ["one\r\nTwo three\fthree\r\n\r\nfour", "", "a line\n" + "x" * 500 + "Needle" + "y" * 500]


def test_lines_are_found_with_the_numbers_that_editors_show() -> None:
    assert [(line.text, line.number) for line in lines_matching(TEXTS, "THREE")] == [(0, 2)]
    assert [(line.text, line.number) for line in lines_matching(TEXTS, r"^(two|four)\b")] == [
        (0, 2),
        (0, 4),
    ]
    (line,) = lines_matching(TEXTS, "needle")
    assert (line.text, line.number) == (2, 2)
    assert "xxxNeedleyyy" in line.shown
    assert line.shown.startswith("…")
    assert line.shown.endswith("…")
    assert len(line.shown) < 170
    assert shown("   short  ", 3) == "short"
    assert lines_matching(TEXTS, r"ne{2}dle.") == [line]
    assert lines_matching(["\udc80 lone"], "lone")[0].number == 1


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*)*b(.*)*c", r"(?:a*a*)*b"])
def test_a_pattern_that_never_ends_is_ended(pattern: str) -> None:
    with pytest.raises(ToolRetryError, match="simpler pattern"):
        lines_matching(["a" * 5000 + "!"], pattern, seconds=0.5)


def test_a_search_that_is_given_up_ends() -> None:
    with pytest.raises(ToolFailedError, match="given up"):
        lines_matching(["a" * 5000 + "!"], "(a+)+$", is_cancelled=lambda: True)


def test_what_is_no_pattern_is_sent_back() -> None:
    for pattern in ("(", "a{2,1}", "*"):
        with pytest.raises(ToolRetryError, match="no regular expression"):
            lines_matching(["text"], pattern)


def test_only_plain_text_within_bounds_is_searched(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text", encoding="utf-8")
    (tmp_path / "b.bin").write_bytes(b"\0\1\2")
    with (tmp_path / "c.log").open("wb") as file:
        file.truncate(line_search.LARGEST_FILE_BYTES + 1)
    files = FilesFolder(tmp_path)
    entries = list(walk(files, files.path, deep=True))
    found = searched(entries, lambda: False)
    assert (found.names, found.texts, found.passed_over) == (("a.txt",), ("text",), 2)
    assert searched(entries, lambda: True).names == ()


def test_one_passage_is_replaced_exactly() -> None:
    file = PlainText("one\ntwo\nthree two\n", "utf-8")
    edit = edited(file, "\ntwo\n", "\nTWO\n2\n", "a.txt")
    assert edit.data == b"one\nTWO\n2\nthree two\n"
    assert edit.line == 1
    windows = PlainText("one\r\ntwo\r\nthree", "cp1252")
    assert edited(windows, "one\ntwo", "é\né", "a.txt").data == b"\xe9\r\n\xe9\r\nthree"
    with pytest.raises(ToolRetryError, match=r"2 times, in line 2, 3\."):
        edited(file, "two", "2", "a.txt")
    with pytest.raises(ToolRetryError, match=r"The nearest line is 'three two'\."):
        edited(file, "three tow", "2", "a.txt")
    with pytest.raises(ToolRetryError, match="Read it first"):
        edited(file, "something else entirely", "2", "a.txt")
    with pytest.raises(ToolRetryError, match="the same"):
        edited(file, "one", "one", "a.txt")
    with pytest.raises(ToolRetryError, match="cp1252, which has no '東'"):
        edited(windows, "one", "東", "a.txt")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_what_is_added_or_edited_keeps_the_files_encoding(encoding: str) -> None:
    data = "é first\r\nend".encode(encoding)
    file = decode(data, "a.txt")
    grown = data + addition(file, "ü\nlast\n")
    assert grown.decode(encoding) == "é first\r\nend\r\nü\r\nlast\r\n"
    assert edited(file, "end", "è", "a.txt").data.decode(encoding) == "é first\r\nè"
    cyrillic = decode("имя: Иван\n".encode("koi8-r"), "a.txt")
    assert edited(cyrillic, "Иван", "Пётр", "a.txt").data == "имя: Пётр\n".encode("koi8-r")
    big_endian = decode(b"\xfe\xff" + "a\n".encode("utf-16-be"), "a.txt")
    assert addition(big_endian, "b") == "b\n".encode("utf-16-be")
    assert addition(PlainText("", "utf-8"), "half \ud800") == b"half \xef\xbf\xbd\n"


def save(path: Path, data: bytes) -> None:
    with saving.written(path, "write_file") as file:
        file.write(data)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_a_disk_that_is_full_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    old = tmp_path / "old.txt"
    old.write_bytes(b"old" * 100)
    source = tmp_path / "source.bin"
    source.write_bytes(b"s" * 9000)
    _soft, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        for write in (
            lambda: save(old, b"new" * 3000),
            lambda: save(tmp_path / "deep" / "er" / "new.txt", b"x" * 9000),
            lambda: saving.append(old, b"more" * 3000, "append_to_file"),
            lambda: saving.copy(source, tmp_path / "copies" / "copy.bin", "copy_file"),
        ):
            with pytest.raises(ToolFailedError, match=r"could not be written.*Nothing was changed"):
                write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == {"old.txt", "source.bin"}
    assert old.read_bytes() == b"old" * 100


def test_a_saved_file_keeps_its_mode_and_a_copy_its_time(tmp_path: Path) -> None:
    path = tmp_path / "script.sh"
    save(path, b"one")
    path.chmod(0o750)
    save(path, b"two")
    assert (path.stat().st_mode & 0o777, path.read_bytes()) == (0o750, b"two")
    saving.copy(path, tmp_path / "b" / "copy.sh", "copy_file")
    assert (tmp_path / "b" / "copy.sh").stat().st_mtime == path.stat().st_mtime
    saving.move(path, tmp_path / "c" / "moved.sh", "move_file")
    assert names(tmp_path) == {"b", "b/copy.sh", "c", "c/moved.sh"}
    with pytest.raises(ToolRetryError, match="cannot be a folder"):
        save(tmp_path / "b" / "copy.sh" / "x.txt", b"")
