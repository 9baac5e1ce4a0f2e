"""A client that needs versions of libraries which we do not have, in an environment of its own.

Installed once into a cache, exactly what a ``requirements.txt`` has the hashes of.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from hashlib import sha256
from pathlib import Path

import pytest
from filelock import FileLock

INSTALL_S = 240


def programs(requirements: Path, cache: Path) -> Path:
    """The folder of the environment's programs; skips the test where nothing can be fetched."""
    key = requirements.read_bytes() + sys.version.encode()
    folder = cache / requirements.parent.name / sha256(key).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "installed").exists():
            venv.create(folder, clear=True)
            _install(requirements, folder)
            (folder / "installed").touch()
    return folder / ("Scripts" if os.name == "nt" else "bin")


def _install(requirements: Path, folder: Path) -> None:
    line = [sys.executable, "-m", "pip", "--python", str(folder), "install", "--quiet"]
    options = ["--require-hashes", "--no-deps", "--retries=0", "-r", str(requirements)]
    try:
        done = subprocess.run([*line, *options], capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        pytest.skip("the registry did not answer in time")
    if done.returncode:
        # Wrong hashes are a failure; a registry that cannot be reached is none.
        assert "DO NOT MATCH THE HASHES" not in done.stderr, done.stderr
        pytest.skip(f"it could not be installed: {done.stderr[-300:]}")
