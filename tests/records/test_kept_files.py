"""Files that are kept with conversations."""

from __future__ import annotations

import resource
import stat
from pathlib import Path

import pytest

from airunner.errors import MediaError, StorageError
from airunner.messages import Message
from airunner.records import kept_files
from airunner.records.kept_files import KeptFiles
from airunner.records.records import Records

ONE, OTHER = "1" * 32, "2" * 32


@pytest.fixture
def kept(tmp_path: Path) -> KeptFiles:
    return KeptFiles(tmp_path / "attached")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("sales.csv", "sales.csv"),
        ("../../etc/passwd", "etc passwd"),
        ("a\nb\x00 c.csv", "a b c.csv"),
        (".hidden", "hidden"),
        ("", "file"),
        ("e\u0301.csv", "é.csv"),
        ("ü" * 300 + ".csv", "ü" * 90 + ".csv"),
    ],
)
def test_a_file_has_a_name_that_leads_nowhere_and_is_nobody_elses(
    kept: KeptFiles, tmp_path: Path, given: str, name: str
) -> None:
    assert kept.keep(ONE, given, b"x") == name
    path = tmp_path / "attached" / ONE / name
    assert path.read_bytes() == b"x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_another_file_of_that_name_gets_another_and_the_same_is_kept_once(kept: KeptFiles) -> None:
    names = [kept.keep(ONE, "a.csv", data) for data in (b"1", b"2", b"1", b"3")]
    assert names == ["a.csv", "a (2).csv", "a.csv", "a (3).csv"]
    assert kept.keep(OTHER, "a.csv", b"2") == "a.csv"


def test_there_are_so_many_and_no_more(kept: KeptFiles) -> None:
    for number in range(kept_files.MOST_FILES):
        kept.keep(ONE, f"{number}.txt", b"")
    with pytest.raises(MediaError, match="100 files and 200 MB"):
        kept.keep(ONE, "one more.txt", b"")
    with pytest.raises(MediaError):
        kept.keep(OTHER, "large", bytes(kept_files.MOST_BYTES + 1))
    assert kept.folder(OTHER) is None


def test_of_a_file_that_could_not_be_written_nothing_is_left(kept: KeptFiles) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(StorageError):
            kept.keep(ONE, "a.csv", bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert kept.exported(ONE) == {}


@pytest.mark.parametrize("id", ["..", "../" + ONE, "", ".", "a/b/c/d/e/f", "/etc/passwd"])
def test_no_id_leads_to_another_folder(kept: KeptFiles, id: str) -> None:
    kept.keep(ONE, "a.csv", b"x")
    assert kept.folder(id) is None
    with pytest.raises(MediaError):
        kept.keep(id, "a.csv", b"x")
    kept.forget(id)
    assert kept.exported(ONE) == {"a.csv": b"x"}


def test_they_go_with_their_conversation_and_stay_with_its_branch(tmp_path: Path) -> None:
    with Records(tmp_path / "records.sqlite3") as records:
        for id in (ONE, OTHER):
            records.conversations.save(id, [Message("user", "Hello.")])
            records.kept_files.keep(id, "a.csv", b"x")
        branch = records.branches.add(ONE, 1, 1)
        assert branch is not None
        records.kept_files.keep("3" * 32, "a.csv", b"of a turn that was never saved")
        records.kept_files.keep_only(records.conversations.may_have)
        records.conversations.delete(ONE)
        left = {path.name for path in (tmp_path / "attached").iterdir()}
        assert left == {OTHER, branch.id}
        assert records.kept_files.exported(branch.id) == {"a.csv": b"x"}
