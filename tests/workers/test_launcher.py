"""A spare that dies while it is told its order, and what is said of a process that just ends."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest
from tests.conftest import Eventually
from tests.engines.parrot_engine.launcher import ParrotLauncher

from airunner.engines.base import LoadPlan, WorkerExit
from airunner.workers.launcher import ProcessLauncher, death_while_loading
from airunner.workers.wire import Order

WORKER = """
import json, os, signal, subprocess, sys

if "--spare" in sys.argv:
    # Deaf to its order. Its log is open for longer than it lives.
    nothing = subprocess.DEVNULL
    subprocess.Popen(["cat", "hold"], stdin=nothing, stdout=nothing, start_new_session=True)
    os.close(0)
    os.mkdir("deaf")
    signal.pause()
sys.stdin.readline()
os.mkdir("order")
print(json.dumps({"url": "http://127.0.0.1:9", "load_s": 0.0, "pid": os.getpid()}), flush=True)
sys.stdin.readline()
"""


class FolderLauncher(ParrotLauncher):
    """Starts ``WORKER``, whose order has a folder."""

    def __init__(self) -> None:
        ProcessLauncher.__init__(self, "deaf_worker")

    async def order(self, plan: LoadPlan, api_key: str) -> Order[LoadPlan]:
        return Order(plan, api_key, plan.path.with_name("order"))


@pytest.mark.real
def test_a_spare_that_dies_while_it_is_told_takes_no_folder_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    (tmp_path / "deaf_worker.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    os.mkfifo("hold")
    hold = os.open("hold", os.O_RDWR)
    folder, threads = tmp_path / "order", threading.active_count()

    async def main() -> None:
        starter = FolderLauncher()
        starter.prepare()
        eventually((tmp_path / "deaf").is_dir)
        worker = await starter.launch(LoadPlan("any", tmp_path / "deaf_worker.py"))
        os.close(hold)
        # The spare is gone when only the worker is watched, by two threads.
        eventually(lambda: threading.active_count() == threads + 2)
        assert folder.is_dir()
        await worker.stop()
        assert not folder.exists()

    asyncio.run(main())


def test_the_end_of_the_log_is_told() -> None:
    log = "Traceback (most recent call last):\n\nModuleNotFoundError: No module named 'x'\n\n"

    def told(exit_code: int, log: str) -> str:
        return death_while_loading(WorkerExit(exit_code, log))

    assert told(1, log).endswith("ends in: ModuleNotFoundError: No module named 'x'")
    assert told(1, " \n") == "its process died while loading (exit code 1)"
    assert len(told(1, "x" * 10_000)) < 300
    assert "want of memory" in told(-9, log)
