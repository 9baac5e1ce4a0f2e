"""Attempts to get out of the real sandbox, none of which may do more than fail."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psutil
import pytest
from tests.toolbox.code.sandbox.processes import MODULE, sandbox_processes

from airunner.errors import ToolFailedError
from airunner.toolbox.code.sandbox.limits import MIB, Limits
from airunner.toolbox.code.sandbox.script import Sandbox

SMALL = Sandbox("run_python", Limits(time_s=20.0, memory_bytes=64 * MIB))
SECRET = "a-secret-of-the-parent"


ALLOWED = ["1 + 1", "import math\nmath.sqrt(4)", "import matplotlib.pyplot as p\np.gca().grid()"]


def reached(attempts: list[str], **texts: str) -> list[str]:
    """The attempts that came to an end, all made in one run, after some that have to."""
    script = f"""
for attempt in {[*ALLOWED, *attempts]!r}:
    try:
        exec(attempt)
    except BaseException as error:
        print("refused", error)
    else:
        print("reached", repr(attempt))
"""
    printed = SMALL.run(script, texts).printed
    assert SECRET not in printed
    lines = printed.splitlines()
    assert len(lines) == len(ALLOWED) + len(attempts)
    assert lines[: len(ALLOWED)] == [f"reached {code!r}" for code in ALLOWED]
    return [line for line in lines[len(ALLOWED) :] if line.startswith("reached")]


FILES = [
    "open({path!r}).read()",
    "open({path!r}, 'w').write('x')",
    "open({path!r}, 'a').write('x')",
    "from pathlib import Path\nPath({path!r}).read_text()",
    "from pathlib import Path\nPath({path!r}).write_text('x')",
    "from pathlib import Path\nPath({path!r}).unlink()",
    "from pathlib import Path\nlist(Path({path!r}).parent.iterdir())",
    "from pathlib import Path\nPath({path!r}).stat()",
    "import os\nos.listdir({folder!r})",
    "import os\nos.remove({path!r})",
    "import os\nos.rename({path!r}, {path!r} + '2')",
    "import os\nos.mkdir({path!r} + '2')",
    "import os\nos.open({path!r}, 0)",
    "import io\nio.open({path!r})",
    "import shutil\nshutil.rmtree({folder!r})",
    "import tempfile\ntempfile.mkdtemp()",
    "eval('open(' + repr({path!r}) + ')')",
    "exec('open(' + repr({path!r}) + ')')",
    "open('../../../../../../../..' + {path!r})",
    "open(0)",
]


def test_files_are_out_of_reach(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text(SECRET)
    assert reached([code.format(path=str(kept), folder=str(tmp_path)) for code in FILES]) == []
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
    assert kept.read_text() == SECRET


def test_one_file_given_opens_no_other(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text(SECRET)
    names = ("b.txt", "/b.txt", "a.txt/../b.txt", str(tmp_path / "b.txt"), "a.txt\x00", "a.txt")
    opened = reached([f"open({name!r}).read()" for name in names], **{"a.txt": "x"})
    assert len(opened) == 1
    assert "open('a.txt')" in opened[0]


NETWORK = [
    "import socket\nsocket.create_connection(('127.0.0.1', {port}))",
    "from urllib.request import urlopen\nurlopen('http://127.0.0.1:{port}')",
    "import http.client\nhttp.client.HTTPConnection('127.0.0.1', {port}).request('GET', '/')",
    "import asyncio\nasyncio.run(asyncio.open_connection('127.0.0.1', {port}))",
    "import requests",
    "import httpx",
    "import _socket",
]


def test_the_network_is_out_of_reach() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        assert reached([code.format(port=port) for code in NETWORK]) == []
        with pytest.raises(BlockingIOError):  # nobody has connected
            server.accept()


PROCESSES = [
    "import os\nos.system('id')",
    "import os\nos.popen('id').read()",
    "import os\nos.fork()",
    "import os\nos.execv('/bin/sh', ['sh'])",
    "import os\nos.kill(1, 9)",
    "import subprocess\nsubprocess.run(['id'])",
    "import multiprocessing",
    "import threading",
    "import signal",
    "import posix",
    "import pty",
]


def test_processes_are_out_of_reach() -> None:
    assert reached(PROCESSES) == []


WAYS_AROUND = [
    "__import__('os').system('id')",
    "().__class__.__bases__[0].__subclasses__()",
    "object.__subclasses__()",
    "type.__getattribute__(object, '__subclasses__')()",
    "getattr((), '__class__')",
    "'{0.__class__.__mro__}'.format(())",
    "(lambda: 0).__globals__",
    "(lambda: 0).__code__.replace(co_code=b'')",
    "[].append.__self__.__class__.__base__",
    "plot.__globals__",
    "plot.__self__",
    "plot.__func__.__globals__",
    "import statistics\nstatistics.mean.__globals__",
    "import statistics\nstatistics.sys",
    "import string\nstring.Formatter",
    "import matplotlib.pyplot as plt\nplt.plot.__self__",
    "import matplotlib.pyplot as plt\nplt.gca().__class__()",
    "import matplotlib.pyplot as plt\nplt.gca().__class__.__mro__",
    "import matplotlib.pyplot as plt\nplt.gca().__class__.__subclasses__()",
    "import matplotlib.pyplot as plt\nplt.gca().__class__.__init__.__globals__",
    "import matplotlib.pyplot as plt\nplt.gca().__dict__",
    "import matplotlib.pyplot as plt\nplt.gca().functions",
    "import matplotlib.pyplot as plt\nplt.subplots()[0].__init__.__globals__",
    "import matplotlib.image",
    "try:\n    1 / 0\nexcept Exception as e:\n    e.__traceback__.tb_frame.f_globals",
    "__builtins__",
    "__loader__",
    "globals()",
    "vars()",
    "compile('1', 'x', 'eval')",
    "breakpoint()",
    "import builtins",
    "import ctypes",
    "import importlib",
    "import sys\nsys.modules",
    "import sys\nsys._getframe()",
    "import gc",
    "import inspect",
    "import pickle",
    "import marshal",
    "import code",
    "import pydantic_monty",
    "import airunner",
    "from airunner.toolbox.code.sandbox import worker",
]


def test_the_ways_around_are_closed() -> None:
    assert reached(WAYS_AROUND) == []


def test_the_environment_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    attempts = ("os.environ", "os.getenv('SECRET')", "os.environ['SECRET']", "os.environb")
    assert reached([f"import os\n{attempt}" for attempt in attempts]) == []


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_the_processes_of_the_sandbox_know_no_environment_and_open_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    seen: dict[str, tuple[dict[str, str], tuple[int, int], tuple[int, int], int, str]] = {}

    def look() -> bool:
        for process in sandbox_processes():
            seen[process.name()] = (
                process.environ(),
                process.rlimit(psutil.RLIMIT_NOFILE),
                process.rlimit(psutil.RLIMIT_FSIZE),
                process.num_fds(),
                os.path.basename(process.cwd()),
            )
        interpreter = seen.get("monty")
        return interpreter is not None and interpreter[1][0] <= 16

    with pytest.raises(ToolFailedError, match="given up"):
        Sandbox("run_python", cancelled=look).run("while True:\n    pass")
    (worker,) = (name for name in seen if name != "monty")
    assert worker.startswith("python")
    for environment, _, written, _, folder in seen.values():
        assert SECRET not in environment.values()
        assert set(environment) <= {"LC_CTYPE"}  # which Python sets for itself
        assert written == (0, 0)
        assert folder.startswith("airunner-sandbox-")
    _, files, _, opened, _ = seen["monty"]
    assert files[0] == files[1] >= opened


@pytest.mark.parametrize(
    "code",
    [
        "x = [0] * 10**12",
        "x = 'a' * 10**10",
        "x = b'a' * 10**10",
        "x = 10 ** 10 ** 9",
        "x = 1 << 10**11",
        "x = 'a'\nwhile True:\n    x += x",
        "x = []\nwhile True:\n    x.append([0] * 1000)",
        "x = {}\nfor n in range(10**9):\n    x[n] = str(n)",
        "try:\n    x = [0] * 10**12\nexcept BaseException:\n    print('still here')",
        "'x'.ljust(10**11)",
        "list(range(10**12))",
        "f'{1:{10**11}}'",
        "import itertools\nlist(itertools.product(range(1000), repeat=5))",
    ],
)
def test_memory_has_an_end(code: str) -> None:
    with pytest.raises(ToolFailedError, match="more than 64 MiB of memory"):
        SMALL.run(code)


@pytest.mark.parametrize(
    "code",
    [
        "while True:\n    pass",
        "try:\n    while True:\n        pass\nexcept BaseException:\n    print('still here')",
        "sum(n * n for n in range(10**10))",
        "def f(n):\n    return f(n - 1) + f(n - 2) if n > 1 else n\n\nf(60)",
        "for n in range(10**12):\n    try:\n        1 / 0\n    except Exception:\n        continue",
    ],
)
def test_time_has_an_end(code: str) -> None:
    with pytest.raises(ToolFailedError, match=r"after 0\.5 s of computing"):
        Sandbox("run_python", Limits(time_s=0.5)).run(code)


def test_output_has_an_end() -> None:
    sandbox = Sandbox("run_python", Limits(time_s=1000, flood_chars=1_000))
    with pytest.raises(ToolFailedError, match="printed without end") as raised:
        sandbox.run("while True:\n    print('x' * 1000)")
    assert len(str(raised.value)) < 3000


def test_calls_to_the_outside_have_an_end() -> None:
    sandbox = Sandbox("run_python", Limits(calls=50))
    with pytest.raises(ToolFailedError, match="after 50 calls"):
        sandbox.run("import statistics\nwhile True:\n    statistics.mean([1])")


def test_a_file_beside_the_current_folder_is_no_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json.py", "pydantic_monty.py", "psutil.py"):
        (tmp_path / name).write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert SMALL.run("1 + 1").value == "2"
    assert MODULE.startswith("airunner.")
