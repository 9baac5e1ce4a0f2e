"""Two processes of one home folder without a server: one holds the memory, the other waits."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.server.conftest import command

from airunner.errors import MemoryHeldError
from airunner.events import Event, EventBus, MemoryAwaited
from airunner.runtime.memory_claim import MemoryClaim

SMALL = ("--context", "1024", "--max-tokens", "4", "--offline")
HOLDER = (
    "import asyncio, sys\n"
    "from pathlib import Path\n"
    "from airunner.events import EventBus\n"
    "from airunner.runtime.memory_claim import MemoryClaim\n"
    "asyncio.run(MemoryClaim(Path(sys.argv[1]), Path(sys.argv[1]), EventBus(), 1).hold('one'))\n"
    "print('held', flush=True)\n"
    "sys.stdin.read()\n"
)


@pytest.mark.real
def test_the_second_process_waits_with_a_line_and_then_answers(
    embedded_home: Path, smollm2: Path
) -> None:
    line, environ = command(embedded_home, "chat", "--json", *SMALL)
    with subprocess.Popen(
        line, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        first.stdin.write("Hello!\n")
        first.stdin.flush()
        for text in first.stdout:
            if json.loads(text)["kind"] == "turn_finished":
                break
        line, environ = command(embedded_home, "run", "summarization", "The sea.", *SMALL)
        with subprocess.Popen(
            line, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as second:
            assert second.stderr is not None
            told = second.stderr.readline().strip()
            holds = f"waiting for memory: `airunner chat` (process {first.pid}) holds "
            assert told.startswith(holds), told
            assert "MB, with SmolLM2-135M-Instruct, since " in told
            assert told.endswith(f"or `kill {first.pid}`; Ctrl-C ends the wait, or 10 min do.")
            held = [child.memory_info().rss for child in psutil.Process(second.pid).children()]
            assert max(held, default=0) < 100_000_000  # no model is in any of them
            first.stdin.close()
            assert first.wait(timeout=300) == 0
            out, err = second.communicate(timeout=300)
            assert second.returncode == 0, err
            assert out.strip()


def test_it_waits_no_longer_than_it_may_and_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        bus, heard = EventBus(), list[Event]()
        bus.subscribe(heard.append)
        with pytest.raises(MemoryHeldError, match=str(holder.pid)):
            asyncio.run(MemoryClaim(tmp_path, tmp_path, bus, 0).hold("turn"))
        assert [e.holder for e in heard if isinstance(e, MemoryAwaited)] == [holder.pid]
        bus.subscribe(lambda event: holder.kill())
        claim = MemoryClaim(tmp_path, tmp_path, bus, 60)
        asyncio.run(claim.hold("turn"))
        claim.release()


def test_runtimes_of_one_process_share_the_claim(tmp_path: Path) -> None:
    one, other = (MemoryClaim(tmp_path, tmp_path, EventBus(), 0) for _ in range(2))
    asyncio.run(one.hold("turn"))
    asyncio.run(other.hold("turn"))
    one.release()
    one.release()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as third:
        assert third.wait(timeout=300) == 1  # it may wait a second, and ``other`` still holds
    other.release()
