"""No worker outlives its parent, however the parent ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.real

Eventually = Callable[[Callable[[], bool]], None]

PARENT = """
import asyncio, sys
from pathlib import Path
from airunner.engines.base import ChatRequest, LoadPlan
from airunner.messages import Message
from airunner.engines.llama_cpp.launcher import LocalLauncher

async def main(run_dir, weights, doing):
    launcher = LocalLauncher(Path(run_dir))
    print("loading", flush=True)
    worker = await launcher.launch(LoadPlan("smol", Path(weights), n_ctx=2048, n_threads=1))
    if doing == "generating":
        request = ChatRequest([Message("user", "Hello!")], max_tokens=2000)
        async for _ in worker.model.chat(request, 0):
            print("generating", flush=True)
    print("idle", flush=True)
    await asyncio.sleep(1000)

asyncio.run(main(*sys.argv[1:]))
"""

# Holds the interpreter lock, as the engine does while it loads.
LOADING_CHILD = """
import ctypes
from airunner.workers.lifeline import Lifeline
lifeline = Lifeline(0)
with lifeline.deadly():
    print("loading", flush=True)
    ctypes.PyDLL(None).sleep(1000)
"""

WAITING_CHILD = """
import os
from airunner.workers.lifeline import Lifeline
lifeline = Lifeline(0)
print(os.getpid(), flush=True)
lifeline.wait_until_cut()
"""


@contextmanager
def python(code: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        yield process
        process.kill()


def wait_for_line(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdout is not None
    while (found := process.stdout.readline().strip()) != line:
        assert found, "the parent ended"


@pytest.mark.parametrize("doing", ["loading", "generating", "idle"])
def test_a_parent_killed_with_9_takes_everything_with_it(
    doing: str,
    smollm2: Path,
    tmp_path: Path,
    eventually: Eventually,
    gone: Callable[[int], bool],
) -> None:
    run_dir = tmp_path / "run"
    with python(PARENT, str(run_dir), str(smollm2), doing) as parent:
        wait_for_line(parent, doing.encode())
        family = psutil.Process(parent.pid)
        if doing == "loading":
            maps = str(smollm2.resolve())
            eventually(
                lambda: any(
                    maps in Path(f"/proc/{child.pid}/maps").read_text()
                    for child in family.children()
                )
            )
        workers = [child.pid for child in family.children(recursive=True)]
        assert workers
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        eventually(lambda: all(gone(pid) for pid in workers))
    # What the kernel ends while it loads leaves its folder to whoever sweeps the session's.
    if doing != "loading":
        assert os.listdir(run_dir) == []


def test_the_kernel_ends_a_child_whose_interpreter_is_stuck(eventually: Eventually) -> None:
    with python(LOADING_CHILD) as child:
        wait_for_line(child, b"loading")
        assert child.stdin is not None
        child.stdin.close()
        eventually(lambda: child.poll() is not None)
        assert child.returncode == -signal.SIGIO


def test_a_child_notices_a_parent_whose_pipe_somebody_else_holds_open(
    tmp_path: Path, eventually: Eventually, gone: Callable[[int], bool]
) -> None:
    # The parent's sibling has the write end, as a process forked from the parent would.
    holder, pipe = os.pipe()[::-1]
    start_child = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdin=int(sys.argv[2])).wait()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", start_child, WAITING_CHILD, str(pipe)],
        stdout=subprocess.PIPE,
        pass_fds=[pipe],
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        eventually(lambda: gone(child))
    os.close(holder)
    os.close(pipe)
