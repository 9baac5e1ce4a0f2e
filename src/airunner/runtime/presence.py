"""The server of this home folder: whether one runs, and how to reach it.

One process owns the models of a machine. Owns the lock that it holds and the file that
tells the others its address and key. The operating system drops the lock when the process
ends, however it ends, so a file that was left behind is known for what it is.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from airunner.config.file_lock import open_lock, try_lock
from airunner.config.json_file import read_json
from airunner.config.whole_file import whole_file
from airunner.errors import ServerRunningError
from airunner.errors.writing import writing

_LOCK = "server.lock"
_FILE = "server.json"
_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Presence:
    """A server that runs. ``key`` lets programs of the same user in, whatever it is set to."""

    pid: int
    url: str
    key: str


@contextmanager
def presence(
    home: Path, here: Presence, pause: Callable[[float], object] = time.sleep
) -> Iterator[None]:
    """Be the server of ``home`` for the body; ``pause`` waits for seconds.

    Raises:
        ServerRunningError: there is one already.
        StorageError: the folder cannot be written.
    """
    with writing(home):
        home.mkdir(parents=True, exist_ok=True)
        lock = open_lock(home / _LOCK)
    try:
        while not try_lock(lock):  # a server has it alone, those who look for one share it
            if not try_lock(lock, shared=True):
                other = _read(home)
                raise ServerRunningError(other.url if other else "", home)
            # Somebody looks for a server at this moment, or begins as one as well.
            fcntl.flock(lock, fcntl.LOCK_UN)
            pause(_POLL_S)
        with writing(home / _FILE), whole_file(home / _FILE) as part:
            part.write_text(json.dumps(asdict(here)), encoding="utf-8")
        try:
            yield
        finally:
            (home / _FILE).unlink(missing_ok=True)
    finally:
        os.close(lock)


def find_server(home: Path) -> Presence | None:
    """The server of ``home``, if one runs now."""
    try:
        lock = os.open(home / _LOCK, os.O_RDWR)
    except OSError:
        return None
    try:
        return None if try_lock(lock, shared=True) else _read(home)
    finally:
        os.close(lock)


def _read(home: Path) -> Presence | None:
    try:
        return Presence(**read_json(home / _FILE))
    except (OSError, ValueError, TypeError):
        return None
