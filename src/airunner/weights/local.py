"""Weights that are already on this machine, used where they lie.

Owns the check of a promised hash and the note that it was checked. Copies nothing
and never writes beside the user's file.
"""

from __future__ import annotations

import json
from pathlib import Path

import airunner
from airunner.config.text_file import read_text
from airunner.errors import DownloadError
from airunner.errors.writing import writing
from airunner.models.catalog import is_local_file
from airunner.models.engine_traits import WeightsForm
from airunner.models.spec import FileSource, ModelSpec, PackagedSource
from airunner.weights.staging import require_sha256, sha256_of
from airunner.weights.transfer import Transfer


def local_path(text: str) -> Path:
    """A path as a user writes it, with ``~``."""
    return Path(text).expanduser()


def gone_path(spec: ModelSpec) -> Path | None:
    """Where the user's own file or folder was, of a model that has its weights from nowhere else.

    ``None`` where it is there still, and where the weights can be fetched.
    """
    if is_local_file(spec):
        paths = [local_path(spec.model_path)]
    else:
        paths = [local_path(s.path) for s in spec.sources if isinstance(s, FileSource)]
    if not paths or len(paths) < len(spec.sources) or any(path.exists() for path in paths):
        return None
    return paths[0]


def gone_words(path: Path | str) -> str:
    """What is said of weights that ``gone_path`` tells of."""
    return f"its file is gone ({path})"


def stored_bytes(path: Path) -> int:
    """Bytes of a weights file, or of all files in a model's folder; 0 if they are gone."""
    try:
        if not path.is_dir():
            return path.stat().st_size
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    except OSError:
        return 0


def packaged_path(source: PackagedSource) -> Path:
    """Where a folder of the installed package lies."""
    return Path(airunner.__file__).parent / source.folder


def find_local(source: FileSource, folder: Path, form: WeightsForm) -> Path | None:
    """The weights if they are there and, where a hash is promised, were verified in this state."""
    path = local_path(source.path)
    if not form.is_weights(path):
        return None
    if source.sha256 is None:
        return path
    return path if path.is_file() and _was_verified(folder, path, source.sha256) else None


def fetch_packaged(transfer: Transfer, source: PackagedSource, form: WeightsForm) -> Path:
    """The folder inside the package.

    Raises:
        DownloadError: this installation of the package does not carry it.
    """
    path = packaged_path(source)
    if not form.is_weights(path):
        raise DownloadError(transfer.model, str(path), "this installation does not carry it")
    return path


def fetch_local(transfer: Transfer, source: FileSource, form: WeightsForm) -> Path:
    """Verify the file once; a note in ``transfer.folder`` spares the next hashing.

    Raises:
        DownloadError: there is nothing usable, or it has another hash.
    """
    path = local_path(source.path)
    if not form.is_weights(path):
        missing = form.index or "weights: this engine takes a file"
        found = f"it has no {missing}" if path.is_dir() else "there is no such file"
        raise DownloadError(transfer.model, str(path), found)
    if source.sha256 is not None:
        if path.is_dir():
            raise DownloadError(transfer.model, str(path), "a folder has no single hash to check")
        state = _state(path, source.sha256)
        require_sha256(sha256_of(path, transfer), source.sha256, transfer, str(path), "the file")
        note = _note_path(transfer.folder)
        with writing(note):
            note.write_text(state, "utf-8")
    return path


def _note_path(folder: Path) -> Path:
    return folder / "verified.json"


def _state(path: Path, sha256: str) -> str:
    """What must be unchanged for an earlier verification to hold."""
    status = path.stat()
    return json.dumps([str(path), status.st_size, status.st_mtime_ns, sha256.lower()])


def _was_verified(folder: Path, path: Path, sha256: str) -> bool:
    try:
        return read_text(_note_path(folder)) == _state(path, sha256)
    except (OSError, ValueError):
        return False
