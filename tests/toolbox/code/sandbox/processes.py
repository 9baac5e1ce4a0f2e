"""The processes of sandboxes that this test's process has started."""

from __future__ import annotations

import psutil

MODULE = "airunner.toolbox.code.sandbox.worker"


def sandbox_processes(parent: int | None = None) -> list[psutil.Process]:
    """Workers and their interpreters, as far as they run now."""
    found = []
    for worker in psutil.Process(parent).children():
        try:
            if MODULE in worker.cmdline():
                found += [worker, *worker.children(recursive=True)]
        except psutil.Error:  # it has just ended
            continue
    return found
