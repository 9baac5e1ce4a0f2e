"""What is said of a process that ended without a word."""

from __future__ import annotations

from airunner.engines.base import WorkerExit
from airunner.workers.launcher import death_while_loading


def test_the_end_of_the_log_is_told() -> None:
    log = "Traceback (most recent call last):\n\nModuleNotFoundError: No module named 'x'\n\n"

    def told(exit_code: int, log: str) -> str:
        return death_while_loading(WorkerExit(exit_code, log))

    assert told(1, log).endswith("ends in: ModuleNotFoundError: No module named 'x'")
    assert told(1, " \n") == "its process died while loading (exit code 1)"
    assert len(told(1, "x" * 10_000)) < 300
    assert "want of memory" in told(-9, log)
