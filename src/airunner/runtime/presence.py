"""The server of this home folder: whether one runs, and how to reach it.

One process owns the models of a machine. Owns the lock that it holds and the file that
tells the others its address and key. The operating system drops the lock when the process
ends, however it ends, so a file that was left behind is known for what it is.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from airunner.errors import ServerRunningError, StorageError

_LOCK = "server.lock"
_FILE = "server.json"


@dataclass(frozen=True, slots=True)
class Presence:
    """A server that runs. ``key`` lets programs of the same user in, whatever it is set to."""

    pid: int
    url: str
    key: str


@contextmanager
def presence(home: Path, here: Presence) -> Iterator[None]:
    """Be the server of ``home`` for the body.

    Raises:
        ServerRunningError: there is one already.
        StorageError: the folder cannot be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = os.open(home / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise StorageError(home, error.strerror or str(error)) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            other = _read(home)
            raise ServerRunningError(other.url if other else "", home) from None
        _write(home / _FILE, here)
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
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read(home)
    finally:
        os.close(lock)
    return None


def _write(path: Path, here: Presence) -> None:
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    try:
        with open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            json.dump(asdict(here), file)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise StorageError(path, error.strerror or str(error)) from error


def _read(home: Path) -> Presence | None:
    try:
        return Presence(**json.loads((home / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
