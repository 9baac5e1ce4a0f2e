"""However a run ends, nothing of it is left, and what is said of it is plain."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from tests.children import has_ended
from tests.conftest import Eventually
from tests.toolbox.code.sandbox.processes import sandbox_processes

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.code.sandbox.limits import Limits
from airunner.toolbox.code.sandbox.script import Sandbox

FOREVER = "while True:\n    pass"


class Watch:
    """Sees the processes and folders of a run, in the place of somebody who may cancel it.

    ``act`` is told the interpreter's processes once they are there; true cancels.
    """

    def __init__(self, folder: Path, act: Callable[[list[psutil.Process]], bool]) -> None:
        self.seen: set[psutil.Process] = set()
        self.folders: set[str] = set()
        self._folder, self._act = folder, act

    def __call__(self) -> bool:
        running = sandbox_processes()
        self.seen |= set(running)
        self.folders |= {path.name for path in self._folder.iterdir()}
        interpreters = [process for process in running if process.name() == "monty"]
        return bool(interpreters) and self._act(running)

    def nothing_is_left(self) -> bool:
        """Whether there was something to see and none of it is there any more.

        One that was killed has closed its files before it is gone.
        """
        assert 1 <= len(self.seen) <= 2, "the second begins later"
        assert len(self.folders) == 1
        assert not list(self._folder.iterdir())
        return all(has_ended(process.pid) for process in self.seen)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders are made, for as long as the test runs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def kill(which: str) -> Callable[[list[psutil.Process]], bool]:
    def act(running: list[psutil.Process]) -> bool:
        for process in running:
            if process.name().lower().startswith(which):
                process.kill()
        return False

    return act


def test_a_run_that_is_given_up_ends_at_once(folder: Path, eventually: Eventually) -> None:
    watch = Watch(folder, lambda running: True)
    with pytest.raises(ToolFailedError, match="given up, and the script was stopped"):
        Sandbox("run_python", Limits(time_s=100.0), watch).run(FOREVER)
    eventually(watch.nothing_is_left)


def test_a_killed_interpreter_is_a_plain_failure(folder: Path, eventually: Eventually) -> None:
    watch = Watch(folder, kill("monty"))
    with pytest.raises(ToolFailedError, match=r"run_python failed: the interpreter crashed"):
        Sandbox("run_python", Limits(time_s=100.0), watch).run(FOREVER)
    eventually(watch.nothing_is_left)


def test_a_killed_worker_is_a_plain_failure(folder: Path, eventually: Eventually) -> None:
    watch = Watch(folder, kill("python"))
    with pytest.raises(ToolFailedError, match=r"process ended unexpectedly \(signal 9\)"):
        Sandbox("run_python", Limits(time_s=100.0), watch).run(FOREVER)
    eventually(watch.nothing_is_left)


def test_a_run_that_does_not_end_by_itself_is_ended(folder: Path, eventually: Eventually) -> None:
    watch = Watch(folder, lambda running: False)
    with pytest.raises(ToolFailedError, match="was stopped after 3 s"):
        Sandbox("run_python", Limits(time_s=100.0, wall_s=3.0), watch).run(FOREVER)
    eventually(watch.nothing_is_left)


def test_a_run_that_ends_well_or_with_a_mistake_leaves_nothing(folder: Path) -> None:
    assert Sandbox("run_python").run("1 + 1").value == "2"
    with pytest.raises(ToolRetryError):
        Sandbox("run_python").run("1 / 0")
    assert sandbox_processes() == []


def test_the_sandbox_ends_with_the_process_that_wanted_it(
    folder: Path, eventually: Eventually
) -> None:
    code = (
        f"import tempfile; tempfile.tempdir = {str(folder)!r}\n"
        "from airunner.toolbox.code.sandbox.limits import Limits\n"
        "from airunner.toolbox.code.sandbox.script import Sandbox\n"
        "def cancelled():\n"
        "    print('running', flush=True)\n"
        "    return False\n"
        f"Sandbox('run_python', Limits(time_s=100.0), cancelled).run({FOREVER!r})\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout is not None
        running: list[psutil.Process] = []
        while len(running) < 2:
            assert user.stdout.readline() == "running\n"
            running = sandbox_processes(user.pid)
        user.kill()
    assert len(running) == 2
    eventually(lambda: all(has_ended(process.pid) for process in running))
