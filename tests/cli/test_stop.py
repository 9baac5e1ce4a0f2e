"""`airunner stop` where the server cannot hear it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from airunner.cli.serve import stop
from airunner.config.settings import Settings
from airunner.runtime.presence import find_server

pytestmark = pytest.mark.real

SERVER = """
import os, signal, sys
from pathlib import Path
from airunner.runtime.presence import Presence, presence
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with presence(Path(sys.argv[1]), Presence(os.getpid(), "http://127.0.0.1:1", "")):
    print("begun", flush=True)
    while True:
        signal.pause()
"""


def test_a_server_that_ctrl_z_stopped_is_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = [sys.executable, "-c", SERVER, str(tmp_path)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            process.send_signal(signal.SIGSTOP)
            while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
                pass
            stop(Settings.load({"home": str(tmp_path)}, {}))
            assert find_server(tmp_path) is None
            assert process.wait(timeout=300) == 0
        finally:
            process.kill()
    assert "stopped the server" in capsys.readouterr().out
