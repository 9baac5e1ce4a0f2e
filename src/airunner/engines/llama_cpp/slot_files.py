"""How a slot's KV state gets from a worker into a file of our choice, and back.

llama-server reads and writes slot states only under plain names inside one
folder. A link with a random name in that folder leads it to the file meant,
wherever that is, so the state is written once and never copied.

llama.cpp reports success for a file that a full disk cut short, and aborts the
whole process when it reads one. Each file therefore ends in a seal that says
how long the state before it is and how its model was loaded; the engine never
looks past its own data. The seal is no checksum of the content.
"""

from __future__ import annotations

import glob
import os
import secrets
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from airunner.config.whole_file import whole_file
from airunner.engines.base import LoadPlan
from airunner.errors import GenerationError, StorageError
from airunner.errors.system_words import system_words
from airunner.errors.writing import writing

_SEAL = struct.Struct(">8sQ16s")
_MAGIC = b"airunKV1"
_SAMPLES, _SAMPLE_BYTES = 32, 16 * 1024


def fingerprint(plan: LoadPlan, engine: str) -> bytes:
    """16 bytes that differ between loads whose states must not be mixed up.

    The context may differ, unless positions are scaled to it; the number of caches
    may not, since the engine lays a file out by it. ``engine`` is its version.
    """
    stats = [(file, file.stat()) for file in _parts(plan.path)]
    facts = (
        engine,
        [_sampled(file, stat.st_size, stat.st_mtime_ns) for file, stat in stats],
        plan.kv_type_k,
        plan.kv_type_v,
        plan.yarn_context and (plan.yarn_context, plan.n_ctx),
        plan.kv_streams,
        *((plan.mmproj.stat().st_size,) if plan.mmproj else ()),
    )
    return blake2b(repr(facts).encode(), digest_size=16).digest()


def _parts(path: Path) -> list[Path]:
    head, split, tail = path.name.rpartition("-00001-of-")
    return sorted(path.parent.glob(f"{glob.escape(head)}-?????-of-{tail}")) if split else [path]


@lru_cache(maxsize=64)
def _sampled(file: Path, n_bytes: int, changed_ns: int) -> bytes:
    """Digest of a weights file's size, date and content in places.

    Its name and size are those of a fine-tuned model, too, and archives may give all files
    one date. Reading all of it would take longer than reading a conversation again.
    """
    digest = blake2b(repr((n_bytes, changed_ns)).encode(), digest_size=16)
    with file.open("rb") as weights:
        for place in range(_SAMPLES):
            weights.seek(n_bytes * place // _SAMPLES)
            digest.update(weights.read(_SAMPLE_BYTES))
    return digest.digest()


@dataclass(slots=True)
class PartialFile:
    """A file that is being written. ``path`` is its temporary name."""

    path: Path
    target: Path

    def seal(self, n_bytes: int, model: bytes) -> int:
        """Check that all ``n_bytes`` arrived, seal the file and return its final size.

        Raises:
            StorageError: bytes are missing, or there was no room for the seal.
        """
        found = self.path.stat().st_size
        if n_bytes == 0 or found != n_bytes:
            problem = f"only {found:,} bytes could be written"
            raise StorageError(self.target, problem, n_bytes or None)
        with writing(self.target, n_bytes), self.path.open("ab") as file:
            file.write(_SEAL.pack(_MAGIC, n_bytes, model))
        return n_bytes + _SEAL.size


@contextmanager
def written_whole(target: Path) -> Iterator[PartialFile]:
    """Give ``target`` its new content when the body succeeds, and leave nothing when it fails.

    Raises:
        StorageError: the file cannot be made.
    """
    with writing(target), whole_file(target) as part:
        yield PartialFile(part, target)


def check_seal(file: Path, model: str, expected: bytes) -> None:
    """Refuse a state that the engine must not read; ``expected`` is the load's fingerprint.

    Raises:
        GenerationError: the file is missing, cut short, no slot state, or of another load.
    """
    try:
        with file.open("rb") as state:
            length = state.seek(0, os.SEEK_END) - _SEAL.size
            state.seek(max(0, length))
            seal = state.read()
    except OSError as error:
        raise _unusable(model, file, system_words(error)) from error
    if length < 0 or (found := _SEAL.unpack(seal))[:2] != (_MAGIC, length):
        raise _unusable(model, file, "it is damaged or no saved state")
    if found[2] != expected:
        raise _unusable(model, file, "it is of another model, or of this one loaded differently")


def _unusable(model: str, file: Path, problem: str) -> GenerationError:
    return GenerationError(model, f"the saved state {file} cannot be restored: {problem}")


@contextmanager
def borrowed_name(slot_dir: Path, file: Path) -> Iterator[str]:
    """A name in ``slot_dir`` that leads to ``file`` while the body runs.

    Without the folder, which belongs to the worker's life, the name leads nowhere.
    """
    link = slot_dir / secrets.token_hex(8)
    with suppress(FileNotFoundError):  # The worker is gone; asking it will say so better.
        link.symlink_to(file.absolute())
    try:
        yield link.name
    finally:
        link.unlink(missing_ok=True)
