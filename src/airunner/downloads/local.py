"""Weights that are already on this machine, used where they lie.

Owns the check of a promised hash and the note that it was checked. Copies
nothing and never writes beside the user's file.
"""

from __future__ import annotations

import json
from pathlib import Path

from airunner.downloads.staging import require_sha256, sha256_of, writing
from airunner.downloads.transfer import Transfer
from airunner.errors import DownloadError
from airunner.models.spec import FileSource


def local_path(text: str) -> Path:
    """A path as a user writes it, with ``~``."""
    return Path(text).expanduser()


def find_local(source: FileSource, folder: Path) -> Path | None:
    """The file if it is there and, where a hash is promised, was verified in this state."""
    path = local_path(source.path)
    if not path.is_file():
        return None
    if source.sha256 is not None and _read_note(folder) != _state(path, source.sha256):
        return None
    return path


def fetch_local(transfer: Transfer, source: FileSource) -> Path:
    """Verify the file once; a note in ``transfer.folder`` spares the next hashing.

    Raises:
        DownloadError: there is no such file, or it has another hash.
    """
    path = local_path(source.path)
    if not path.is_file():
        raise DownloadError(transfer.model, str(path), "there is no such file")
    if source.sha256 is not None:
        state = _state(path, source.sha256)
        require_sha256(sha256_of(path, transfer), source.sha256, transfer, str(path), "the file")
        note = _note_path(transfer.folder)
        with writing(note):
            note.write_text(json.dumps(state), "utf-8")
    return path


def _note_path(folder: Path) -> Path:
    return folder / "verified.json"


def _read_note(folder: Path) -> object:
    try:
        return json.loads(_note_path(folder).read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _state(path: Path, sha256: str) -> dict[str, object]:
    """What must be unchanged for an earlier verification to hold."""
    status = path.stat()
    return {
        "path": str(path),
        "size_bytes": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "sha256": sha256.lower(),
    }
