"""How much of a file is in the page cache, and dropping it from there. Linux only.

Not a test: what the tests of reading ahead share.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path


def cached_bytes(file: Path) -> int:
    """Bytes of ``file`` in the page cache, in whole pages; see mincore(2)."""
    n_bytes = file.stat().st_size
    pages = (ctypes.c_ubyte * -(-n_bytes // mmap.PAGESIZE))()
    mincore = ctypes.CDLL(None, use_errno=True).mincore
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), n_bytes) as mapped:
        start = (ctypes.c_ubyte * n_bytes).from_buffer(mapped)
        address = ctypes.c_void_p(ctypes.addressof(start))
        failed = mincore(address, ctypes.c_size_t(n_bytes), pages)
        del start  # the mapping cannot be closed while something points into it
    assert not failed, os.strerror(ctypes.get_errno())
    return sum(page & 1 for page in pages) * mmap.PAGESIZE


def drop_from_cache(file: Path) -> None:
    """Let the system forget the contents, as long as nobody has them mapped."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
