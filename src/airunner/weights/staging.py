"""From unfinished bytes to a finished file: check, flush, rename.

Owns the one rule that makes the store trustworthy: a file carries its final
name only once every byte is on the disk and verified.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from airunner.errors import DownloadError
from airunner.errors.writing import writing
from airunner.weights.transfer import Transfer

CHUNK_BYTES = 1024 * 1024
GGUF_MAGIC = b"GGUF"


def sha256_of(path: Path, transfer: Transfer) -> str:
    """SHA-256 of a file in lower-case hex, reported as step ``verify``."""
    digest = hashlib.sha256()
    total_bytes = path.stat().st_size
    done_bytes = 0
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            done_bytes += len(chunk)
            transfer.advance(done_bytes, total_bytes, "verify")
    return digest.hexdigest()


def require_sha256(found: str, promised: str, transfer: Transfer, source: str, what: str) -> None:
    """Compare two hashes.

    Raises:
        DownloadError: they differ, so the source delivered other bytes than promised.
    """
    if found != promised.lower():
        raise DownloadError(
            transfer.model,
            source,
            f"{what} has SHA-256 {found}, promised was {promised.lower()}",
            "damaged",
        )


def require_gguf(path: Path, transfer: Transfer, source: str) -> None:
    """Catch an error page saved as weights, where no hash is known.

    Raises:
        DownloadError: a file named ``.gguf`` does not begin like one.
    """
    with path.open("rb") as stream:
        begin = stream.read(len(GGUF_MAGIC))
    if begin != GGUF_MAGIC:
        problem = f"the file begins with {begin!r}, not GGUF"
        raise DownloadError(transfer.model, source, problem, "damaged")


def commit(partial: Path, final: Path) -> Path:
    """Give a complete, verified file its final name, durably.

    The file is flushed before the rename and the folder after it: otherwise a
    power cut could leave the final name on a file without its bytes.

    Raises:
        StorageError: the disk refused.
    """
    with writing(final):
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.replace(final)
        if os.name == "posix":
            folder = os.open(final.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    return final
