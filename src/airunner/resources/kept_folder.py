"""The folder of parked states that lasts from one process of a home folder to the next.

A state is two files: the engine's, and an entry that says whose it is. The entry is
written last and removed first, so that however a process ends, what has no entry is known
for what nobody can use. One process has the folder at a time, by a lock that the operating
system drops when the process ends. What is kept, and for how long, the parking lot decides.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from airunner.config.file_lock import open_lock, try_lock
from airunner.config.regular_file import read_regular
from airunner.config.whole_file import whole_file
from airunner.errors.writing import writing
from airunner.resources.known_conversations import Chain
from airunner.resources.session_folder import LOCK

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FOLDER = "kept"
STATE, ENTRY = ".kv", ".json"
_MOST_BYTES = 16_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEntry:
    """What is known of a state beside its file ``stem``.

    ``model`` and ``name`` are those of the state in the lot, ``n_bytes`` is the size of its
    file. ``asked_model`` and ``chain``, in hexadecimal, find a client's conversation again
    by what was said, of which its first request had ``begun`` messages; ``chain`` is empty for
    one that is found by its name. ``said`` is what its branches find it by. These are hashes:
    nothing that was said is in it. ``kept_s`` is Unix time.
    """

    stem: str
    model: str
    name: str
    n_bytes: int
    tokens: int
    continued: bool
    asked_model: str = ""
    chain: tuple[str, ...] = ()
    begun: int = 0
    said: tuple[str, ...] = ()
    kept_s: float = field(default_factory=time.time)


class KeptFolder:
    """The folder, locked; mode 0700, and gone when it is closed empty.

    Use ``open``.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, parent: Path) -> KeptFolder | None:
        """The folder in ``parent``, or ``None`` where another process has it.

        Raises:
            StorageError: the parent cannot be written.
        """
        path = parent / FOLDER
        with writing(path):
            parent.mkdir(parents=True, exist_ok=True)
            while True:
                path.mkdir(mode=0o700, exist_ok=True)
                path.chmod(0o700)
                try:
                    lock = open_lock(path / LOCK)
                except FileNotFoundError:
                    continue  # Whoever had it removed it in between.
                if not try_lock(lock):
                    os.close(lock)
                    return None
                if _is_still(path / LOCK, lock):
                    return cls(path, lock)
                os.close(lock)

    def entries(self) -> list[KeptEntry]:
        """The states that are whole, kept longest ago first; every other file is removed."""
        found = [entry for file in self.path.glob(f"*{ENTRY}") if (entry := _read(file))]
        whole = {LOCK}
        for entry in found:
            whole |= {entry.stem + STATE, entry.stem + ENTRY}
        for file in self.path.iterdir():
            if file.name not in whole:
                _remove(file)
        return sorted(found, key=lambda entry: entry.kept_s)

    def enter(self, entry: KeptEntry) -> None:
        """Keep the state whose file has been written.

        Where that is impossible, as on a full disk, the state lasts no longer than this
        process.
        """
        with suppress(OSError), whole_file(self.path / f"{entry.stem}{ENTRY}") as part:
            part.write_bytes(_form().dump_json(entry))

    def forget(self, state: Path) -> None:
        """Remove the entry of a state, before its file is removed or read."""
        state.with_suffix(ENTRY).unlink(missing_ok=True)

    def close(self) -> None:
        """Leave it to the next process. Safe to call twice."""
        if self._lock < 0:
            return
        if [file.name for file in self.path.iterdir()] == [LOCK]:
            (self.path / LOCK).unlink()
            with suppress(OSError):  # somebody has just made it anew
                self.path.rmdir()
        os.close(self._lock)
        self._lock = -1


def as_hex(chain: Chain) -> tuple[str, ...]:
    """Hashes as they are written in an entry."""
    return tuple(link.hex() for link in chain)


def chain_of(written: tuple[str, ...]) -> Chain:
    """The same read back.

    Raises:
        ValueError: it was not written by ``as_hex``.
    """
    return tuple(bytes.fromhex(link) for link in written)


@cache
def _form() -> TypeAdapter[KeptEntry]:
    from pydantic import TypeAdapter  # here, because most processes keep nothing

    return TypeAdapter(KeptEntry)


def _read(file: Path) -> KeptEntry | None:
    try:
        entry = _form().validate_json(read_regular(file, _MOST_BYTES))
        hashes = chain_of(entry.chain + entry.said)
        whole = file.with_suffix(STATE).stat().st_size == entry.n_bytes
    except (OSError, ValueError):
        return None
    return entry if whole and all(hashes) and entry.stem == file.stem else None


def _remove(file: Path) -> None:
    with suppress(OSError):
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink()


def _is_still(path: Path, opened: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(opened))
    except FileNotFoundError:
        return False
