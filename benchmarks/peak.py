"""The most memory that a worker held on its device while it was watched.

Owns the sampling where the system keeps no record of its own. The kernel's
high-water mark of RAM (``VmHWM``) misses nothing. A GPU's driver keeps no such
mark: there the figure is the largest of samples, and what comes and goes
between two of them is missed; both engines keep the memory they once took, so
that little is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from airunner.devices.cuda import probe_cuda
from airunner.engines.base import Worker

INTERVAL_S = 0.02


def device_held_bytes(device: str) -> int | None:
    """Bytes of a GPU that are taken by anybody; ``None`` for other devices.

    For a driver that does not tell processes apart (in a container it does not):
    the difference to before the launch is the worker's, if nobody else comes or goes.
    """
    for found in probe_cuda().devices:
        if found.id == device and found.total_bytes is not None and found.free_bytes is not None:
            return found.total_bytes - found.free_bytes
    return None


@asynccontextmanager
async def watched(
    worker: Worker, device: str, before_bytes: int | None
) -> AsyncIterator[Callable[[], int]]:
    """Watch ``worker``; what is yielded tells the most it held so far, in bytes.

    ``before_bytes`` is ``device_held_bytes(device)`` before the launch.

    Raises:
        SystemExit: neither the kernel nor a driver tells.
    """
    most_bytes = 0

    def look() -> int | None:
        if (held := worker.memory_bytes()) is not None:
            return held
        now_bytes = device_held_bytes(device)
        return None if now_bytes is None or before_bytes is None else now_bytes - before_bytes

    async def sample() -> None:
        nonlocal most_bytes
        while True:
            held = await asyncio.to_thread(look)
            most_bytes = max(most_bytes, held or 0)
            await asyncio.sleep(INTERVAL_S)

    def most() -> int:
        if (recorded := worker.peak_memory_bytes()) is not None:
            return recorded
        if not most_bytes:
            raise SystemExit("Nothing here tells a worker's memory: run it on Linux or on a GPU.")
        return most_bytes

    sampling = None if device == "cpu" else asyncio.create_task(sample())
    try:
        yield most
    finally:
        if sampling is not None:
            sampling.cancel()
            await asyncio.wait([sampling])
