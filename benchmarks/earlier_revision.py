"""Another revision of this repository, to measure it with today's scripts.

Owns the temporary work tree and the process. The environment is the one that runs:
only our own package comes from the other revision.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def work_tree(revision: str) -> Iterator[Path]:
    """A folder with the files of ``revision``, removed afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "tree")
        add = ["git", "worktree", "add", "--quiet", "--detach", str(folder), revision]
        subprocess.run(add, cwd=ROOT, check=True)
        try:
            yield folder
        finally:
            remove = ["git", "worktree", "remove", "--force", str(folder)]
            subprocess.run(remove, cwd=ROOT, check=True)


def run_with(tree: Path, module: str, arguments: Sequence[str]) -> None:
    """Run one of our scripts with the package of ``tree``; what it prints is printed.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tree / "src"), str(ROOT)])}
    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
