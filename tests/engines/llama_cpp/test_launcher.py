"""Starting and stopping real worker processes."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import gguf
import psutil
import pytest
from tests.children import Children

from airunner.devices.process_state import is_stopped
from airunner.engines.base import ChatRequest, LoadPlan
from airunner.engines.llama_cpp.client import LlamaCppModel
from airunner.engines.llama_cpp.launcher import LocalLauncher
from airunner.errors import (
    CorruptWeightsError,
    LoadError,
    MissingWeightsError,
    UnsupportedArchitectureError,
)
from airunner.messages import Message
from airunner.workers.local_worker import LocalWorker

Eventually = Callable[[Callable[[], bool]], None]


@pytest.fixture(autouse=True)
def several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the workers of this module have the threads that their plan names."""
    monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)


def plan(path: Path, **changes: Any) -> LoadPlan:
    settings: dict[str, Any] = {"n_ctx": 256, "n_threads": 2} | changes
    return LoadPlan("smol", path, **settings)


def launcher(tmp_path: Path, *, spare: bool = False, **options: Any) -> LocalLauncher:
    return LocalLauncher(tmp_path / "run", **options, spare=spare)


async def answer(worker: LocalWorker[LlamaCppModel]) -> str:
    request = ChatRequest([Message("user", "Hello!")], max_tokens=5, temperature=0.0)
    return "".join([delta.text async for delta in worker.model.chat(request, 0)])


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


def held() -> tuple[int, int]:
    """File descriptors and threads of this process."""
    return len(os.listdir("/proc/self/fd")), threading.active_count()


@pytest.mark.usefixtures("children")
def test_a_worker_answers_until_it_is_stopped(smollm2: Path, tmp_path: Path) -> None:
    weights_bytes = smollm2.stat().st_size

    async def main() -> None:
        starter = launcher(tmp_path)
        worker = await starter.launch(plan(smollm2))
        assert worker.load_s > 0
        assert await answer(worker)
        (slot_dir,) = os.listdir(tmp_path / "run")
        assert os.stat(tmp_path / "run" / slot_dir).st_mode & 0o777 == 0o700
        held, peak = worker.memory_bytes(), worker.peak_memory_bytes()
        assert held is not None
        assert peak is not None
        assert weights_bytes < held <= peak
        await worker.stop()
        await worker.stop()
        assert (await worker.wait()).exit_code == 0
        assert not psutil.pid_exists(worker.pid)
        assert worker.memory_bytes() is None
        await starter.close()
        await starter.close()

    run(main())
    assert os.listdir(tmp_path / "run") == []


@pytest.mark.usefixtures("children")
def test_nothing_is_left_after_many_loads(
    smollm2: Path, tmp_path: Path, eventually: Eventually
) -> None:
    async def main() -> None:
        for _ in range(5):
            starter = launcher(tmp_path, spare=True)
            worker = await starter.launch(plan(smollm2))
            await answer(worker)
            await worker.stop()
            await starter.close()

    before = held()
    run(main())
    eventually(lambda: all(now <= then for now, then in zip(held(), before, strict=True)))
    assert os.listdir(tmp_path / "run") == []


def test_the_spare_is_used_and_replaced_and_closed(
    smollm2: Path, tmp_path: Path, children: Children, eventually: Eventually
) -> None:
    async def main() -> None:
        starter = launcher(tmp_path, spare=True)
        first = await starter.launch(plan(smollm2))
        (spare,) = children() - {first.pid}
        await first.stop()
        second = await starter.launch(plan(smollm2))
        assert second.pid == spare
        assert await answer(second)
        # A spare that was killed meanwhile is not used.
        (dead,) = children() - {second.pid}
        os.kill(dead, signal.SIGKILL)
        eventually(lambda: not psutil.pid_exists(dead))
        third = await starter.launch(plan(smollm2))
        assert await answer(third)
        # Nor one that was stopped.
        (stopped,) = children() - {second.pid, third.pid}
        os.kill(stopped, signal.SIGSTOP)
        eventually(lambda: is_stopped(stopped))
        fourth = await starter.launch(plan(smollm2))
        await starter.close()
        eventually(lambda: children() == {second.pid, third.pid, fourth.pid})
        for worker in (second, third, fourth):
            await worker.stop()

    run(main())


def test_a_worker_that_is_killed_says_how_it_ended(smollm2: Path, tmp_path: Path) -> None:
    async def main() -> None:
        starter = launcher(tmp_path)
        worker = await starter.launch(plan(smollm2))
        assert await answer(worker)
        os.kill(worker.pid, signal.SIGKILL)
        ended = await worker.wait()
        assert ended.exit_code == -signal.SIGKILL
        # The engine's logger is a thread, so its last lines may have died with it.
        assert "build_info" in ended.log
        await worker.stop()

    run(main())
    assert os.listdir(tmp_path / "run") == []


def other_architecture(tmp_path: Path) -> Path:
    path = tmp_path / "other.gguf"
    writer = gguf.GGUFWriter(path, "mystery")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def cut(smollm2: Path, tmp_path: Path, n_bytes: int) -> Path:
    path = tmp_path / "cut.gguf"
    with smollm2.open("rb") as file:
        path.write_bytes(file.read(n_bytes))
    return path


def no_gguf(tmp_path: Path) -> Path:
    path = tmp_path / "page.gguf"
    path.write_text("<!doctype html>" * 100)
    return path


@pytest.mark.usefixtures("children")
def test_each_unusable_file_has_its_own_error(smollm2: Path, tmp_path: Path) -> None:
    async def fails(error: type[Exception], path: Path, text: str, **changes: Any) -> None:
        with pytest.raises(error, match=text):
            await launcher(tmp_path).launch(plan(path, **changes))

    async def main() -> None:
        await fails(MissingWeightsError, tmp_path / "none.gguf", "not on this machine")
        await fails(CorruptWeightsError, cut(smollm2, tmp_path, 3_000_000), "shorter")
        await fails(CorruptWeightsError, cut(smollm2, tmp_path, 1000), "not a usable model")
        await fails(CorruptWeightsError, no_gguf(tmp_path), "not a GGUF")
        await fails(UnsupportedArchitectureError, other_architecture(tmp_path), "mystery")
        await fails(LoadError, smollm2, "sees 0 GPUs", gpu_index=0, device="cuda:0")

    run(main())
    assert os.listdir(tmp_path / "run") == []


def test_a_worker_killed_while_it_loads_is_a_load_error(
    smollm2: Path, tmp_path: Path, children: Children, eventually: Eventually
) -> None:
    async def main() -> None:
        loading, child = await halfway_load(smollm2, tmp_path, children, eventually)
        child.kill()
        with pytest.raises(LoadError, match="killed while loading"):
            await loading

    run(main())


def test_a_cancelled_load_leaves_nothing(
    smollm2: Path, tmp_path: Path, children: Children, eventually: Eventually
) -> None:
    async def main() -> None:
        loading, child = await halfway_load(smollm2, tmp_path, children, eventually)
        loading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loading
        assert not psutil.pid_exists(child.pid)

    before = held()
    run(main())
    eventually(lambda: all(now <= then for now, then in zip(held(), before, strict=True)))
    assert os.listdir(tmp_path / "run") == []


async def halfway_load(
    weights: Path, tmp_path: Path, children: Children, eventually: Eventually
) -> tuple[asyncio.Task[LocalWorker[LlamaCppModel]], psutil.Process]:
    """A load that stands still: its process has mapped the weights and was halted there."""
    while True:
        loading = asyncio.create_task(launcher(tmp_path).launch(plan(weights)))
        await asyncio.sleep(0)
        child = psutil.Process(*children())
        await asyncio.to_thread(eventually, partial(is_loading, child, weights))
        child.suspend()
        # On a busy machine it may have been ready before it was halted.
        done, _ = await asyncio.wait([loading], timeout=0.2)
        if not done:
            return loading, child
        child.resume()
        await loading.result().stop()


def is_loading(child: psutil.Process, weights: Path) -> bool:
    return str(weights.resolve()) in Path(f"/proc/{child.pid}/maps").read_text()


def test_a_users_own_llama_server_is_used_the_same_way(
    smollm2: Path,
    tmp_path: Path,
    llama_server: Path,
    children: Children,
    eventually: Eventually,
    gone: Callable[[int], bool],
) -> None:
    async def main() -> None:
        starter = launcher(tmp_path, spare=True, llama_server=llama_server)
        worker = await starter.launch(plan(smollm2))
        text = await answer(worker)
        assert text
        environment = psutil.Process(worker.pid).environ()
        assert not any(
            environment["LLAMA_API_KEY"] in a for a in psutil.Process(worker.pid).cmdline()
        )
        await worker.model.save_slot(0, tmp_path / "state")
        await worker.stop()
        assert gone(worker.pid)

        again = await starter.launch(plan(smollm2))
        await again.model.restore_slot(0, tmp_path / "state")
        assert await answer(again) == text
        # Neither outlives the other, whichever is killed.
        os.kill(again.pid, signal.SIGKILL)
        assert (await again.wait()).exit_code == -signal.SIGKILL
        await again.stop()  # its process is gone, but not the connection to it
        third = await starter.launch(plan(smollm2))
        watcher = psutil.Process(third.pid).parent()
        assert watcher is not None
        watcher.kill()
        eventually(lambda: gone(third.pid))
        assert (await third.wait()).exit_code == -signal.SIGKILL
        await third.stop()
        await starter.close()

    run(main())
    assert os.listdir(tmp_path / "run") == []


@pytest.mark.usefixtures("children")
def test_a_llama_server_that_does_not_start_says_why(
    smollm2: Path, tmp_path: Path, llama_server: Path
) -> None:
    async def fails(text: str, path: Path, binary: Path) -> None:
        starter = launcher(tmp_path, llama_server=binary)
        with pytest.raises((LoadError, CorruptWeightsError), match=text):
            await starter.launch(plan(path))

    picky = tmp_path / "picky"
    picky.write_text(f'#!/bin/sh\nexec "{llama_server}" --fast "$@"\n')
    picky.chmod(0o755)

    async def main() -> None:
        await fails("invalid argument: --fast", smollm2, picky)
        await fails("does not start", smollm2, tmp_path / "nowhere")
        await fails("not a GGUF", no_gguf(tmp_path), llama_server)

    run(main())
    assert os.listdir(tmp_path / "run") == []
