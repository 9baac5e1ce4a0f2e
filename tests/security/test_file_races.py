"""Links that are put in the place of files and folders while tools work on them.

Another program of the user swaps them in a loop, as fast as it can; a tool that checks a
name and then uses it meets every order of the two. Nothing outside of the files folder may
ever be read or changed.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.security.calls import called, loop_over

from airunner.errors import ToolError
from airunner.toolbox.tables.query_process import answer
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.real_path import made_folder, open_real, real_folder

pytestmark = pytest.mark.real

TOOLS = builtin_toolset()
SECRET = "the word is mellon"
ROUNDS = 60
TABLE_ROUNDS = 2
IN_A_PROCESS = ("find_in_files", "run_python")
ALL = {"@write": "allow", "@execute": "allow"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    (path / "notes").mkdir(parents=True)
    (path / "notes" / "a.txt").write_text("a line\n", encoding="utf-8")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.txt").write_text(SECRET, encoding="utf-8")
    return path


SWAPPER = """
import ctypes, sys
rename = ctypes.CDLL(None).renameat2
at, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
place, link = (each.encode() for each in sys.argv[1:])
assert rename(at, place, at, link, exchange) == 0
print("begun", flush=True)
while True:
    rename(at, place, at, link, exchange)
"""


@contextmanager
def swapping(place: Path, target: Path) -> Iterator[None]:
    """``place`` is by turns what it was and a link to ``target``; never neither."""
    link = place.with_name(place.name + ".link")
    link.symlink_to(target)
    line = [sys.executable, "-c", SWAPPER, str(place), str(link)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "begun\n":
                pytest.skip("this system cannot exchange two names")
            yield
        finally:
            process.kill()


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("write_file", {"path": "notes/a.txt", "content": "mine", "overwrite": True}),
    ("write_file", {"path": "notes/new/b.txt", "content": "mine", "overwrite": True}),
    ("append_to_file", {"path": "notes/a.txt", "content": "mine"}),
    ("edit_file", {"path": "notes/a.txt", "old": "never there", "new": "mine"}),
    ("copy_file", {"path": "notes/a.txt", "to": "copy.txt", "overwrite": True}),
    ("make_folder", {"path": "notes/made"}),
    ("find_in_files", {"text": "word is", "path": "notes"}),
    ("find_in_files", {"text": "word is", "path": "notes/a.txt"}),
    ("run_python", {"code": "print(open('a.txt').read())", "file": "notes/a.txt"}),
    ("read_document", {"file": "notes/a.txt"}),
    ("search_documents", {"query": "word", "file": ""}),
    ("move_file", {"path": "notes/a.txt", "to": "moved.txt", "overwrite": True}),
]


@pytest.mark.parametrize("swapped", ["notes", "notes/a.txt"])
@pytest.mark.parametrize(("tool", "arguments"), CALLS, ids=[each for each, _ in CALLS])
def test_nothing_outside_is_touched_however_fast_links_come_and_go(
    folder: Path, tool: str, arguments: dict[str, Any], swapped: str
) -> None:
    outside = folder.parent / "outside"
    target = outside if swapped == "notes" else outside / Path(swapped).name
    loop = loop_over(folder, TOOLS, ALL)
    rounds = ROUNDS // 10 if tool in IN_A_PROCESS else ROUNDS
    with swapping(folder / swapped, target):
        for _ in range(rounds):
            outcome = called(loop, tool, **arguments)
            assert SECRET not in outcome.message.text
            assert {each.name for each in outside.iterdir()} == {"a.txt"}
            assert (outside / "a.txt").read_text(encoding="utf-8") == SECRET
            for copied in folder.glob("*.txt"):
                assert SECRET not in copied.read_text(encoding="utf-8")


TABLES: list[tuple[str, Callable[[Path, str], object]]] = [
    ("a.csv", lambda path, word: path.write_text(f"word,n\n{word},1\n", encoding="utf-8")),
    ("a.db", lambda path, word: _database(path, word)),
]


def _database(path: Path, word: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE a AS SELECT ? AS word", [word])
        database.commit()


@pytest.mark.parametrize("swapped", ["notes", "file"])
@pytest.mark.parametrize(("name", "write"), TABLES, ids=[each for each, _ in TABLES])
def test_a_table_that_was_looked_at_is_the_one_that_is_asked(
    folder: Path, name: str, write: Callable[[Path, str], object], swapped: str
) -> None:
    path, outside = (folder / "notes" / name).resolve(), folder.parent / "outside"
    write(path, "a line")
    write(outside / name, SECRET)
    places = (folder / "notes", outside) if swapped == "notes" else (path, outside / name)
    texts = []
    with swapping(*places):
        while len(texts) < TABLE_ROUNDS:
            with suppress(ToolError):  # met a link
                texts.append(answer(path, name, "SELECT word FROM a", "query_table"))
    assert SECRET not in "".join(texts)


def test_no_link_is_gone_through_and_nothing_but_a_file_is_opened(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "real").mkdir()
    (root / "real" / "a").write_bytes(b"x")
    (root / "link").symlink_to("real")
    (root / "real" / "l").symlink_to("a")
    os.mkfifo(root / "real" / "pipe")
    with open_real(root / "real" / "a") as file:
        assert file.read() == b"x"
    for wrong in ("link/a", "real/l", "real/pipe", "real/none", "real/a/b"):
        with pytest.raises(OSError, match=r".+"):
            open_real(root / wrong)
    with pytest.raises(OSError, match=r".+"), real_folder(root / "link"):
        pass
    with made_folder(root / "new" / "deep"):
        assert (root / "new" / "deep").is_dir()
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    with pytest.raises(ZeroDivisionError), made_folder(root / "other" / "deep"):
        raise ZeroDivisionError
    assert not (root / "other").exists()
    if before:
        assert len(os.listdir("/proc/self/fd")) == before
