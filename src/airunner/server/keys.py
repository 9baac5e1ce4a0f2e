"""Keys for programs on other machines, and what each may do.

Owns the file that they are in, which its owner alone can read. A key is 256 random bits,
so its plain SHA-256 is kept and cannot be turned back; the key itself is shown once.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock

from airunner.config.json_file import read_json
from airunner.config.whole_file import whole_file
from airunner.errors import KeysError, StorageError
from airunner.errors.system_words import system_words
from airunner.resources.visitor import ANYTHING, Visitor

PRIORITIES = {"low": -1, "normal": 0, "high": 1}
_FILE = "keys.json"
_MOST_BYTES = 10_000_000
_PREFIX = "air-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Key:
    """One key as it is kept; ``made_s`` is Unix time, ``sha256`` that of the key, in hex."""

    visitor: Visitor
    sha256: str
    made_s: float


class Keys:
    """The keys of one home folder. What another process changes is seen at once."""

    def __init__(self, home: Path) -> None:
        self._path = home / _FILE
        self._read: dict[str, Key] = {}
        self._stamp: tuple[int, ...] = ()

    def __iter__(self) -> Iterator[Key]:
        """Every key, in the order in which they were made.

        Raises:
            KeysError: the file cannot be read.
        """
        return iter(self._current().values())

    def find(self, key: str) -> Visitor | None:
        """Whose key it is.

        Nothing can be learned from how long this takes: what is compared is a hash, which
        whoever tries keys cannot choose.

        Raises:
            KeysError: the file cannot be read.
        """
        found = self._current().get(_hash(key))
        return found.visitor if found is not None else None

    def add(self, visitor: Visitor) -> str:
        """Make a key; it is returned this once and kept nowhere.

        Raises:
            KeysError: the name is taken, or is none.
            StorageError: it cannot be written.
        """
        if not _NAME.fullmatch(visitor.name):
            problem = "a key's name has letters, digits, dots, dashes and underscores, up to 64"
            raise KeysError(visitor.name, problem)
        key = _PREFIX + secrets.token_urlsafe(32)
        with self._changing() as known:
            if any(each.visitor.name == visitor.name for each in known.values()):
                raise KeysError(visitor.name, "there is a key of that name; remove it first")
            known[_hash(key)] = Key(visitor, _hash(key), time.time())
        return key

    def remove(self, name: str) -> None:
        """Forget a key; who uses it is refused from then on.

        Raises:
            KeysError: there is none of that name.
            StorageError: it cannot be written.
        """
        with self._changing() as known:
            found = [each.sha256 for each in known.values() if each.visitor.name == name]
            if not found:
                raise KeysError(name, "there is no key of that name")
            for each in found:
                del known[each]

    def _current(self) -> dict[str, Key]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return {}
        stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
        if stamp != self._stamp:
            self._read, self._stamp = self._load(), stamp
        return self._read

    def _load(self) -> dict[str, Key]:
        try:
            rows = read_json(self._path, _MOST_BYTES)["keys"]
            keys = [_key(row) for row in rows]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise KeysError(str(self._path), f"it cannot be read: {system_words(error)}") from error
        return {key.sha256: key for key in keys}

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Key]]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._path.with_suffix(".lock"), mode=0o600):
                known = self._load()
                yield known
                self._write(known)
        except OSError as error:
            raise StorageError(self._path, system_words(error)) from error

    def _write(self, known: dict[str, Key]) -> None:
        rows = [
            {**asdict(key.visitor), "sha256": key.sha256, "made_s": key.made_s}
            for key in known.values()
        ]
        with whole_file(self._path) as part:
            part.write_text(json.dumps({"keys": rows}, indent=2), encoding="utf-8")


def key_as_json(key: Key) -> dict[str, Any]:
    """What is told of a key: all but what it is."""
    words = {number: word for word, number in PRIORITIES.items()}
    visitor = key.visitor
    return {
        "name": visitor.name,
        "models": list(visitor.models),
        "tools": list(visitor.tools),
        "priority": words.get(visitor.priority, str(visitor.priority)),
        "manages": visitor.manages,
        "made_s": key.made_s,
    }


def patterns(given: Sequence[str] | None) -> tuple[str, ...]:
    """Patterns as they were given, several in one text divided by commas; none is anything."""
    found = [part.strip() for text in given or () for part in text.split(",")]
    return tuple(part for part in found if part) or ANYTHING


def _key(row: dict[str, Any]) -> Key:
    visitor = Visitor(
        name=str(row["name"]),
        models=tuple(row["models"]),
        tools=tuple(row["tools"]),
        priority=int(row["priority"]),
        manages=bool(row["manages"]),
    )
    return Key(visitor, str(row["sha256"]), float(row["made_s"]))


def _hash(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
