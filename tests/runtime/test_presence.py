"""The lock and the file by which the server of a home folder is known."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from airunner.errors import ServerRunningError
from airunner.runtime.presence import Presence, find_server, presence

HERE = Presence(os.getpid(), "http://127.0.0.1:1", "key")


def test_a_server_is_found_for_as_long_as_it_runs_and_is_alone(tmp_path: Path) -> None:
    assert find_server(tmp_path) is None
    with presence(tmp_path, HERE):
        assert find_server(tmp_path) == HERE
        assert (tmp_path / "server.json").stat().st_mode & 0o777 == 0o600
        with pytest.raises(ServerRunningError, match=r"127\.0\.0\.1:1"), presence(tmp_path, HERE):
            pass
    assert find_server(tmp_path) is None
    with presence(tmp_path, HERE):
        assert find_server(tmp_path) == HERE


def test_who_looks_for_a_server_keeps_none_from_starting(tmp_path: Path) -> None:
    looking = os.open(tmp_path / "server.lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(looking, fcntl.LOCK_SH)
    with presence(tmp_path, HERE, pause=lambda _: os.close(looking)):
        assert find_server(tmp_path) == HERE
