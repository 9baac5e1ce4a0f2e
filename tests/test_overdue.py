"""The end of a process that something keeps from ending."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

STUCK = """
import asyncio, threading
from airunner import overdue
from airunner.cli.app import main

def stay() -> None:
    threading.Event().wait()

overdue.end_at_the_latest.__defaults__ = (2.0,)
threading.Thread(target=stay).start()
main()
"""
"""The command line, and a thread that never ends, as one does that waits for a drive."""


@pytest.mark.real
@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("is_served", [False, True], ids=["as it starts", "served"])
def test_a_process_that_was_told_to_stop_ends_and_says_where_it_was(
    tmp_path: Path, is_served: bool
) -> None:
    line = [sys.executable, "-c", STUCK, "serve", "--port", "0", "--home", str(tmp_path)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        if is_served:
            httpx.get(f"{url}/healthz", trust_env=False).raise_for_status()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 1
    assert "has not ended in 2 s" in said
    assert "in stay" in said, "the thread that it waited for"
