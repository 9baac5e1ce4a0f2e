"""The file of records: made private, never half written, shared by threads and processes."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from airunner.errors import StorageError
from airunner.messages import Message
from airunner.records.migrations import STEPS, migrate
from airunner.records.records import Records
from airunner.records.saved_message import to_json
from airunner.records.turns import Turns

HELLO = (Message("user", "Hello"), Message("assistant", "Good morning."))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "records.sqlite3"


@pytest.fixture
def records(file: Path) -> Iterator[Records]:
    with Records(file) as records:
        yield records


def version(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_nothing_is_made_before_it_is_needed(file: Path) -> None:
    with Records(file):
        assert not file.parent.exists()


def test_the_file_is_for_its_owner_alone(records: Records, file: Path) -> None:
    records.notes.add("Bank", "secret")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert modes == {file.name: 0o600, f"{file.name}-wal": 0o600, f"{file.name}-shm": 0o600}


def test_what_was_closed_is_there_again_and_needs_no_log(records: Records, file: Path) -> None:
    records.conversations.save("a", HELLO)
    records.close()
    records.close()
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert version(file) == len(STEPS)
    with pytest.raises(StorageError, match="closed"):
        records.conversations.load("a")
    with Records(file) as again:
        saved = again.conversations.load("a")
    assert saved is not None
    assert saved.messages == HELLO


@pytest.mark.parametrize("seen", range(len(STEPS)))
def test_a_file_of_any_earlier_version_is_brought_up_to_date(file: Path, seen: int) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection, connection:
        for step in STEPS[:seen]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {seen}")
    with Records(file) as records:
        records.reminders.add("tea", 1.0)
        assert records.facts.list() == records.notes.list() == records.conversations.list() == []
    assert version(file) == len(STEPS)


def test_a_file_of_a_newer_version_is_refused_and_left_alone(file: Path, records: Records) -> None:
    records.notes.add("Bank", "secret")
    records.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    before = file.read_bytes()
    with Records(file) as refused, pytest.raises(StorageError, match="newer AI Runner wrote it"):
        refused.notes.list()
    assert file.read_bytes() == before


def test_a_step_that_fails_leaves_the_version_before(file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE reminder (stranger TEXT)")
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            migrate(connection, file)
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("reminder",)]
    assert version(file) == 0


def test_a_file_that_is_no_database_is_refused_and_left_alone(file: Path) -> None:
    content = b"no database at all, but long enough to be one. " * 40
    file.parent.mkdir()
    file.write_bytes(content)
    with Records(file) as records, pytest.raises(StorageError, match="damaged or not a database"):
        records.notes.add("Bank", "secret")
    assert file.read_bytes() == content


def test_a_file_that_is_damaged_inside_is_told(file: Path, records: Records) -> None:
    for number in range(200):
        records.notes.add(f"Note {number}", "words " * 200)
    records.close()
    with file.open("r+b") as damaged:
        damaged.seek(4096)
        damaged.write(os.urandom(file.stat().st_size - 8192))
    with Records(file) as again, pytest.raises(StorageError, match="damaged"):
        again.notes.list()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder belongs")
    with Records(tmp_path / "home" / "r.sqlite3") as records, pytest.raises(StorageError):
        records.notes.list()


def test_a_full_disk_leaves_what_was_there(records: Records, file: Path) -> None:
    records.conversations.save("a", HELLO)
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 500_000, was[1]))
    try:
        with pytest.raises(StorageError, match="Cannot write"):
            records.conversations.save(
                "a", [*HELLO, *[Message("user", "much " * 20_000)] * 20], revision=1
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, was)
    saved = records.conversations.load("a")
    assert saved is not None
    assert (saved.messages, saved.revision) == (HELLO, 1)
    assert records.conversations.save("a", [*HELLO, *HELLO], revision=1) == "saved"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_file_is_told(records: Records, file: Path) -> None:
    records.notes.add("Bank", "secret")
    records.close()
    file.chmod(0o400)
    with Records(file) as again, pytest.raises(StorageError):
        again.notes.add("Other", "text")


def test_whoever_writes_too_long_is_told_about(records: Records, file: Path) -> None:
    records.notes.add("Bank", "secret")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with (
            Records(file, busy_s=0.0) as impatient,
            pytest.raises(StorageError, match="another process"),
        ):
            impatient.notes.add("Other", "text")
        # Reading goes on meanwhile.
        assert [note.title for note in records.notes.list()] == ["Bank"]


def test_a_body_that_fails_changes_nothing(records: Records) -> None:
    records.notes.add("Bank", "secret")

    def interrupted() -> None:
        with records._database.write() as connection:
            connection.execute("DELETE FROM note")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [note.title for note in records.notes.list()] == ["Bank"]


def test_many_threads_use_one_file(records: Records) -> None:
    def work(number: int) -> None:
        for step in range(10):
            records.facts.add(f"fact {number} {step}")
            records.facts.search(f"fact {number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(records.facts.list()) == 80


def test_whoever_writes_again_and_again_keeps_nobody_waiting(
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    """As an import of thousands of conversations does: the next turn is whose who waits."""
    turns, had = Turns(), list[int]()

    def take(number: int) -> None:
        with turns:
            had.append(number)

    with turns:
        for number in range(3):
            threading.Thread(target=take, args=(number,)).start()
            eventually(lambda number=number: turns.waiting == number + 1)  # type: ignore[misc]
    with turns:
        assert had == [0, 1, 2]


def test_many_processes_make_and_use_one_file(file: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from airunner.records.records import Records\n"
        "with Records(Path(sys.argv[1]), busy_s=60) as records:\n"
        "    for step in range(10): records.facts.add(f'fact {sys.argv[2]} {step}')\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(file), str(number)])
        for number in range(6)
    ]
    assert [process.wait() for process in processes] == [0] * 6
    with Records(file) as records:
        assert len(records.facts.list()) == 60


def test_what_was_deleted_is_in_no_file(records: Records, file: Path) -> None:
    note = records.notes.add("Bank", "the password is xyzzyplugh")
    assert note is not None
    records.facts.add("I know xyzzyplugh")
    records.conversations.save("a", [Message("user", "say xyzzyplugh")])
    records.notes.delete(note.number)
    records.facts.delete(records.facts.list()[0].number)
    records.conversations.delete("a")
    for text in (b"xyzzyplugh", b"plugh"):
        assert not found_in(file.parent, text)
    reminder = records.reminders.add("Tell xyzzyplugh", 2e9)
    assert found_in(file.parent, b"plugh")
    records.reminders.cancel(reminder.number)
    assert not found_in(file.parent, b"plugh")


def found_in(folder: Path, text: bytes) -> list[str]:
    return [path.name for path in folder.iterdir() if text in path.read_bytes()]


def test_a_conversation_of_before_prefaces_goes_on_as_it_was(file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection, connection:
        for step in STEPS[:4]:
            step(connection)
        connection.execute("PRAGMA user_version = 4")
        connection.execute("INSERT INTO conversation VALUES ('a', 'Greeting', 1.0, 2.0, 0, 3)")
        for place, message in enumerate(HELLO):
            connection.execute(
                "INSERT INTO message (conversation, place, spoken, value, said)"
                " VALUES ('a', ?, 1, ?, ?)",
                (place, to_json(message), message.content),
            )
    with Records(file) as records:
        saved = records.conversations.load("a")
        assert saved is not None
        assert (saved.title, saved.revision, saved.preface) == ("Greeting", 3, "")
        assert saved.messages == HELLO
        more = [*HELLO, Message("user", "Bye")]
        assert records.conversations.save("a", more, revision=3, preface="late") == "saved"
        saved = records.conversations.load("a")
        assert saved is not None
        assert (saved.messages[2:], saved.preface) == ((Message("user", "Bye"),), "")
        assert [found.entry.id for found in records.conversations.search("morning")] == ["a"]


def test_a_schema_that_is_no_text_is_told_as_damage(records: Records, file: Path) -> None:
    records.notes.add("Bank", "secret")
    records.close()
    content = file.read_bytes()
    assert content.count(b"CREATE TABLE note") == 1
    file.write_bytes(content.replace(b"CREATE TABLE note", b"CREATE TABLX n\x80te"))
    with Records(file) as damaged, pytest.raises(StorageError, match="damaged"):
        damaged.notes.list()
