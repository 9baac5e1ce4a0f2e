"""The npm clients ``openai`` and ``ollama``, where there is Node and a registry to be reached.

They are installed once into a cache, exactly those that ``package-lock.json`` has the hashes of.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from filelock import FileLock
from tests.server.clients.conftest import ServedHere
from tests.server.clients.idle import idle_again
from tests.server.clients.native_server import NATIVE

SOURCES = Path(__file__).with_name("javascript")
OLDEST_NODE = 20
INSTALL_S = 60


@pytest.fixture(scope="module")
def node_folder(weights_home: Path) -> Path:
    """A folder in the cache with the script and what it imports."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("there is no node or no npm on this machine")
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    if int(version.strip().lstrip("v").partition(".")[0] or 0) < OLDEST_NODE:
        pytest.skip(f"node {version.strip()} is older than {OLDEST_NODE}")
    lock = (SOURCES / "package-lock.json").read_bytes()
    folder = weights_home / "javascript" / sha256(lock).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        for source in SOURCES.iterdir():
            shutil.copy(source, folder)
        if not (folder / "installed").exists():
            line = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0"]
            try:
                done = subprocess.run(
                    line, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S
                )
            except subprocess.TimeoutExpired:
                pytest.skip("the npm registry did not answer in time")
            if done.returncode:
                # Wrong hashes are a failure; a registry that cannot be reached is none.
                assert "EINTEGRITY" not in done.stderr, done.stderr
                pytest.skip(f"npm could not install the clients: {done.stderr[-300:]}")
            (folder / "installed").touch()
    return folder


def test_the_clients_of_npm(node_folder: Path, server: ServedHere) -> None:
    line = ["node", "clients.mjs", server.url, NATIVE]
    done = subprocess.run(line, cwd=node_folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len([json.loads(row) for row in done.stdout.splitlines()]) == 8
    idle_again(server)
