"""Two processes of one home folder without a server: one holds the memory, the other waits."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from tests.server.conftest import command

from airunner.config.file_lock import open_lock, try_lock
from airunner.errors import MemoryHeldError
from airunner.events import Event, EventBus, MemoryAwaited
from airunner.resources.waiting_words import memory_wait_in_words
from airunner.runtime.memory_claim import MemoryClaim

SMALL = ("--context", "1024", "--max-tokens", "4", "--offline")
HOLDER = """
import asyncio, sys
from pathlib import Path
from airunner.events import EventBus
from airunner.runtime.memory_claim import MemoryClaim

async def empty():
    print("emptied", flush=True)
    return True

async def hold(home, uses):
    claim = MemoryClaim(home, home, EventBus(), 1, empty)
    async with claim.use("one"):
        print("held", flush=True)
        if uses == "on":
            await asyncio.to_thread(sys.stdin.read)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(hold(Path(sys.argv[1]), sys.argv[2]))
"""


@pytest.mark.real
def test_a_chat_at_its_prompt_gives_its_memory_up_and_takes_it_back(
    embedded_home: Path, smollm2: Path
) -> None:
    line, environ = command(embedded_home, "chat", "--json", *SMALL)
    with subprocess.Popen(
        line, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        _ask(first, "Hello!")
        line, environ = command(embedded_home, "run", "summarization", "The sea.", *SMALL)
        second = subprocess.run(
            line, env=environ, capture_output=True, text=True, check=False, timeout=120
        )
        assert second.returncode == 0, second.stderr
        assert second.stdout.strip()
        told = second.stderr.partition("\n")[0]
        holds = f"waiting for memory: `airunner chat` (process {first.pid}) holds "
        assert told.startswith(holds), told
        assert "MB, with SmolLM2-135M-Instruct, since " in told
        assert told.endswith(f"and `kill {first.pid}` ends it; Ctrl-C ends the wait, or 10 min do.")
        events = _ask(first, "And you?")
        (parked,) = [e for e in events if e.get("action") == "park"]
        assert parked["reason"] == "another process waits for the memory"
        (proven,) = [e for e in events if e["kind"] == "cache_proven"]
        assert proven["cached_tokens"] > 0
        first.stdin.close()
        assert first.wait(timeout=60) == 0


def _ask(chat: subprocess.Popen[str], text: str) -> list[dict[str, Any]]:
    """What a chat tells from there until it has answered."""
    assert chat.stdin is not None
    assert chat.stdout is not None
    chat.stdin.write(f"{text}\n")
    chat.stdin.flush()
    events = []
    for line in chat.stdout:
        events.append(json.loads(line))
        if events[-1]["kind"] == "turn_finished":
            break
    return events


def _holder(home: Path, uses: str) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home), uses],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert holder.stdout is not None
    return holder


async def _empty() -> bool:
    return True


def _claim(home: Path, bus: EventBus, longest_s: float) -> MemoryClaim:
    return MemoryClaim(home, home, bus, longest_s, _empty)


async def _use(claim: MemoryClaim) -> None:
    async with claim.use("turn"):
        pass


def test_it_waits_no_longer_than_it_may_and_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with _holder(tmp_path, "on") as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        bus, heard = EventBus(), list[Event]()
        bus.subscribe(heard.append)
        with pytest.raises(MemoryHeldError, match=str(holder.pid)):
            asyncio.run(_use(_claim(tmp_path, bus, 0)))
        assert [e.holder for e in heard if isinstance(e, MemoryAwaited)] == [holder.pid]
        bus.subscribe(lambda event: holder.kill())
        claim = _claim(tmp_path, bus, 60)
        asyncio.run(_use(claim))
        claim.release()


def test_who_waits_for_a_stopped_process_is_told_what_lets_it_go_on(tmp_path: Path) -> None:
    with _holder(tmp_path, "once") as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGSTOP)
        os.waitpid(holder.pid, os.WUNTRACED)
        bus, heard = EventBus(), list[Event]()
        bus.subscribe(heard.append)
        with pytest.raises(MemoryHeldError):
            asyncio.run(_use(_claim(tmp_path, bus, 0)))
        holder.send_signal(signal.SIGCONT)
        holder.communicate()
    (told,) = (memory_wait_in_words(event.as_json()) for event in heard)
    assert "It is stopped: `fg` in its terminal lets it go on" in told


def test_who_uses_no_model_gives_the_memory_up_to_who_waits(tmp_path: Path) -> None:
    with _holder(tmp_path, "once") as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        claim = _claim(tmp_path, EventBus(), 60)
        asyncio.run(_use(claim))
        assert holder.poll() is None
        assert holder.stdout.readline() == "emptied\n"
        claim.release()
        holder.communicate()


class HastyLoop(asyncio.SelectorEventLoop):
    """Its clock goes to the next timer where nothing else is to be done."""

    _now_s = 0.0
    _ready: Collection[object]
    _scheduled: list[asyncio.TimerHandle]

    def time(self) -> float:
        return self._now_s

    def _run_once(self) -> None:
        if self._scheduled and not self._ready:
            self._now_s = max(self._now_s, self._scheduled[0].when())
        super()._run_once()  # type: ignore[misc]


def test_idle_memory_is_kept_while_nobody_waits(tmp_path: Path) -> None:
    emptied = []

    async def empty() -> bool:
        emptied.append(1)
        return True

    async def rest() -> None:
        claim = MemoryClaim(tmp_path, tmp_path, EventBus(), 0, empty)
        await _use(claim)
        await asyncio.sleep(100)
        assert not emptied
        waiting = open_lock(tmp_path / "memory.wanted")
        assert try_lock(waiting, shared=True)
        await asyncio.sleep(100)
        os.close(waiting)
        assert emptied == [1]
        claim.release()

    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        runner.run(rest())


def test_runtimes_of_one_process_share_the_claim(tmp_path: Path) -> None:
    async def both() -> None:
        one, other = (_claim(tmp_path, EventBus(), 0) for _ in range(2))
        async with one.use("turn"), other.use("turn"):
            one.release()
            one.release()
            third = await asyncio.to_thread(_holder, tmp_path, "on")
            with third:
                # It may wait a second, and ``other`` still holds.
                assert await asyncio.to_thread(third.wait, 60) == 1
        other.release()

    asyncio.run(both())


def test_a_server_that_holds_the_memory_is_ended_by_its_own_command() -> None:
    waits = MemoryAwaited(
        owner="o",
        model="",
        holder=7,
        command="airunner serve",
        models=(),
        held_bytes=0,
        since_s=None,
        wait_s=None,
        longest_s=600.0,
    )
    assert memory_wait_in_words(waits.as_json()).endswith(
        "It gives it up once it answers nobody, and `airunner stop` ends it; "
        "Ctrl-C ends the wait, or 10 min do."
    )
