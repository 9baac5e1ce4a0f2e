"""What to do about bytes that could not be written: it is not always a full disk."""

from __future__ import annotations

import os
from errno import (
    EACCES,
    EEXIST,
    EISDIR,
    ELOOP,
    EMFILE,
    ENAMETOOLONG,
    ENFILE,
    ENOENT,
    ENOTDIR,
    EPERM,
    EROFS,
)

_OTHER_FOLDER = "choose another folder (`airunner doctor` shows which setting names it)"
_ADVICE = {
    (EACCES, EPERM, EROFS): f"Make it writable for this user, or {_OTHER_FOLDER}.",
    (ENOTDIR, EEXIST, EISDIR): f"Something else has that name: move it away, or {_OTHER_FOLDER}.",
    (ENAMETOOLONG, ELOOP, ENOENT): f"Correct the path, or {_OTHER_FOLDER}.",
    (EMFILE, ENFILE): "Too much is done at once: try again when some of it is over.",
}
_WORDS = {os.strerror(code): advice for codes, advice in _ADVICE.items() for code in codes}
_FULL = "Free some space and try again."


def storage_advice(problem: str) -> str:
    """A sentence; ``problem`` is what the system says, in which its words are looked for."""
    return next((advice for words, advice in _WORDS.items() if words in problem), _FULL)
