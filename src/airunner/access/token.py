"""The secret by which programs of one user reach a server of the same user.

Owns the file that it is kept in, which only its owner can read. It is made once, so that
what other programs were told goes on to hold; deleting the file makes another.
"""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from airunner.errors import KeysError
from airunner.errors.writing import writing

_BITS_256 = 32


@dataclass(frozen=True, slots=True)
class Token:
    """A token; ``is_new`` says that nobody can have been told it yet."""

    text: str
    file: Path
    is_new: bool

    def is_it(self, given: str) -> bool:
        """Whether ``given`` is this token; takes as long whatever of it is right."""
        return secrets.compare_digest(given.encode("utf-8", "surrogatepass"), self.text.encode())


def kept_token(file: Path) -> Token:
    """The token in ``file``, which is made with one if there is none.

    Raises:
        KeysError: others can read the file, it is not ours, or it has no token in it.
        StorageError: it cannot be read or written.
    """
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _made(file)
        except FileExistsError:
            return _read(file)


def _made(file: Path) -> Token:
    handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    text = secrets.token_urlsafe(_BITS_256)
    with os.fdopen(handle, "w", encoding="ascii") as opened:
        opened.write(text + "\n")
    return Token(text, file, is_new=True)


def _read(file: Path) -> Token:
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, encoding="ascii", errors="replace") as opened:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode) or state.st_uid != os.geteuid():
            raise KeysError(str(file), "it is not a file of yours; delete it")
        if state.st_mode & 0o077:
            raise KeysError(str(file), "others can read it; delete it, and another is made")
        text = opened.read(1000).strip()
    if len(text) < _BITS_256:
        raise KeysError(str(file), "there is no token in it; delete it, and another is made")
    return Token(text, file, is_new=False)
