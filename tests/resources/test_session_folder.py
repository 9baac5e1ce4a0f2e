"""Folders that live as long as their process, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from airunner.errors import StorageError
from airunner.resources.session_folder import SessionFolder, sweep_stale_folders

HOLDER = """
import sys
from pathlib import Path
from airunner.resources.session_folder import SessionFolder
folder = SessionFolder(Path(sys.argv[1]))
(folder.path / "state").write_text("left behind")
print(folder.path, flush=True)
sys.stdin.read()
"""


def start_holder(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that holds a session folder under ``parent``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_folder_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    with SessionFolder(tmp_path / "new/parent") as folder:
        assert folder.path.stat().st_mode & 0o777 == 0o700
        (folder.path / "deep").mkdir()
        (folder.path / "deep/file").write_text("x")
    assert not folder.path.exists()
    folder.close()


def test_a_killed_process_leaves_a_folder_for_the_next_start_to_sweep(tmp_path: Path) -> None:
    process, folder = start_holder(tmp_path)
    with process, SessionFolder(tmp_path) as mine:
        assert sweep_stale_folders(tmp_path) == 0, "both processes live"
        assert (folder / "state").exists()
        process.send_signal(signal.SIGKILL)
        process.wait(300)
        assert folder.exists(), "nobody could clean up"
        assert sweep_stale_folders(tmp_path) == 1
        assert not folder.exists()
        assert mine.path.exists()


def test_other_peoples_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "airunner-without-lock").mkdir()
    (tmp_path / "another-program").mkdir()
    assert sweep_stale_folders(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 2
    assert sweep_stale_folders(tmp_path / "absent") == 0


def test_a_folder_is_never_swept_while_it_is_being_made(tmp_path: Path) -> None:
    """Two programs that start at the same moment: one sweeps, the other makes its folder."""
    ended = threading.Event()

    def sweep() -> None:
        while not ended.is_set():
            sweep_stale_folders(tmp_path)

    sweepers = [threading.Thread(target=sweep) for _ in range(3)]
    for sweeper in sweepers:
        sweeper.start()
    try:
        for _ in range(300):
            with SessionFolder(tmp_path) as folder:
                (folder.path / "state").write_text("still here")
    finally:
        ended.set()
        for sweeper in sweepers:
            sweeper.join()
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_cannot_be_written_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        SessionFolder(tmp_path / "file/under")
