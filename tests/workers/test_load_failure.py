"""What is said of a process that ended without a word."""

from __future__ import annotations

from airunner.workers.load_failure import death_while_loading


def test_the_end_of_the_log_is_told() -> None:
    log = "Traceback (most recent call last):\n\nModuleNotFoundError: No module named 'x'\n\n"
    assert death_while_loading(1, log).endswith("ends in: ModuleNotFoundError: No module named 'x'")
    assert death_while_loading(1, " \n") == "its process died while loading (exit code 1)"
    assert len(death_while_loading(1, "x" * 10_000)) < 300
    assert "want of memory" in death_while_loading(-9, log)
