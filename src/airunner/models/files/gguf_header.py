"""The bytes at the front of a GGUF file: metadata and tensor table, read without trust.

Owns the file format and its bounds. What the metadata means for a model is
``airunner.models.files.gguf``. Layout: ``docs/gguf.md`` of the ggml project; the
checks are those of ggml's own ``gguf.cpp``, so a file that passes here is one
the engine will open.

An own reader instead of ``gguf.GGUFReader``, because this runs in the parent
process before every load. A file with 152 k tokens takes GGUFReader 9.3 s of CPU
time (two numpy arrays per token) and this 0.045 s, without importing numpy: the
vocabulary is stepped over, and every count is compared with the bytes that are
left before anything is allocated for it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from airunner.errors import CorruptWeightsError
from airunner.models.files.opened import opened
from airunner.models.quantization import TENSOR_TYPES, TensorType

Scalar = int | float | bool | str

_MAGIC = b"GGUF"
_BUFFER_BYTES = 1 << 18
_BLOCK_BYTES = 1 << 17
_MAX_KEY_BYTES = 1 << 16  # the format's own limit
_MAX_KEPT_STRING_BYTES = 1 << 20
_MAX_KEPT_ARRAY = 4096  # per-layer settings are kept, vocabularies are not
_MAX_ENTRIES = 1 << 17  # metadata entries or tensors; the largest models have some thousand
_MAX_STRINGS = 1 << 22  # in all arrays; the largest vocabularies have half a million merges
_MAX_KEPT_BYTES = 1 << 27  # of names and values, in memory
_VALUE_BYTES = 64  # what one takes beside its own bytes
_MAX_ELEMENTS = 1 << 48
_STRING, _ARRAY = 8, 9
_SCALARS = {
    type_id: struct.Struct("<" + code)
    for type_id, code in {
        0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
    }.items()
}  # fmt: skip
_U32, _U64 = _SCALARS[4], _SCALARS[10]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A metadata value that was not kept: an array of ``length`` items or a string of bytes."""

    length: int


Value = Scalar | tuple[Scalar, ...] | Skipped


@dataclass(frozen=True, slots=True)
class Tensor:
    """One row of the tensor table. ``shape`` is in ggml's order: row length first."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    n_bytes: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """Metadata and tensor table of one file; ``data_offset`` is where tensor data begins."""

    metadata: dict[str, Value]
    tensors: tuple[Tensor, ...]
    data_offset: int


def read_header(path: Path, keep_arrays: Collection[str] = ()) -> GgufHeader:
    """Read the front of the GGUF file at ``path``.

    Arrays of strings and long arrays are skipped unless their key is in ``keep_arrays``.

    Raises:
        MissingWeightsError: there is no such file.
        CorruptWeightsError: it cannot be read, is not GGUF, or contradicts itself.
    """
    with opened(path, _BUFFER_BYTES) as file:
        return _Parser(path, file, frozenset(keep_arrays)).header()


class _Parser:
    """A cursor over the file; every read is checked against the end."""

    def __init__(self, path: Path, file: BinaryIO, keep: frozenset[str]) -> None:
        self._path, self._file, self._keep = path, file, keep
        self._size = os.fstat(file.fileno()).st_size
        self._strings, self._room = _MAX_STRINGS, _MAX_KEPT_BYTES

    def header(self) -> GgufHeader:
        if self._size < 24:
            raise self._corrupt(f"it has only {self._size} bytes")
        if self._bytes(4) != _MAGIC:
            raise self._corrupt("it does not begin as a GGUF file does")
        version = self._number(_U32)
        if version not in (2, 3):
            swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
            why = "big-endian" if swapped in (2, 3) else f"GGUF version {version}"
            raise self._corrupt(f"it is {why}; only little-endian versions 2 and 3 can be read")
        n_tensors, n_entries = self._count("tensors", 24), self._count("metadata entries", 13)
        metadata: dict[str, Value] = {}
        for _ in range(n_entries):
            key = self._string("a metadata key", _MAX_KEY_BYTES)
            if key in metadata:
                raise self._corrupt(f"the metadata key {key!r} occurs twice")
            metadata[key] = self._value(key, self._number(_U32))
        alignment = metadata.get("general.alignment", 32)
        if (
            not isinstance(alignment, int)
            or not 1 <= alignment <= 1 << 20
            or alignment & (alignment - 1)
        ):
            raise self._corrupt(f"general.alignment is {alignment!r}, not a power of two")
        tensors, end = self._tensors(n_tensors, alignment)
        offset = _padded(self._file.tell(), alignment)
        if tensors and offset + end > self._size:
            raise self._corrupt(
                f"it has {self._size:,} bytes, but its tensors end at byte {offset + end:,}: "
                "it is truncated"
            )
        return GgufHeader(metadata, tensors, offset)

    def _tensors(self, count: int, alignment: int) -> tuple[tuple[Tensor, ...], int]:
        """The tensor table, and where the last tensor ends within the data."""
        tensors: list[Tensor] = []
        names: set[str] = set()
        expected = end = 0
        for _ in range(count):
            name = self._string("a tensor name", _MAX_KEY_BYTES)
            n_dims = self._number(_U32)
            if not 1 <= n_dims <= 4:
                raise self._corrupt(f"tensor {name!r} has {n_dims} dimensions")
            shape = tuple(self._number(_U64) for _ in range(n_dims))
            type_id, offset = self._number(_U32), self._number(_U64)
            kind = TENSOR_TYPES.get(type_id)
            if kind is None:
                raise self._corrupt(f"tensor {name!r} has the unknown number format {type_id}")
            elements = 1
            for length in shape:
                elements *= length
            if min(shape) == 0 or elements > _MAX_ELEMENTS or shape[0] % kind.block:
                raise self._corrupt(f"tensor {name!r} has the impossible shape {shape}")
            if name in names:
                raise self._corrupt(f"the tensor {name!r} occurs twice")
            if offset != expected:
                raise self._corrupt(f"tensor {name!r} starts at {offset:,} instead of {expected:,}")
            names.add(name)
            tensors.append(Tensor(name, shape, kind, kind.n_bytes(elements)))
            end = offset + tensors[-1].n_bytes
            expected = _padded(end, alignment)
        return tuple(tensors), end

    def _value(self, key: str, type_id: int) -> Value:
        if type_id == _STRING:
            length = self._length(key)
            if length <= _MAX_KEPT_STRING_BYTES:
                self._keep_room(length)
                return self._bytes(length).decode("utf-8", "replace")
            self._file.seek(length, os.SEEK_CUR)
            return Skipped(length)
        if type_id == _ARRAY:
            return self._array(key)
        return self._number(self._scalar(key, type_id))

    def _array(self, key: str) -> Value:
        type_id = self._number(_U32)
        if type_id == _STRING:
            count = self._count(f"strings in {key!r}", 8, self._strings)
            self._strings -= count
            if key in self._keep:
                return tuple(self._string(key, _MAX_KEPT_STRING_BYTES) for _ in range(count))
            self._pass_strings(key, count)
            return Skipped(count)
        item = self._scalar(key, type_id)
        count = self._count(f"numbers in {key!r}", item.size, _MAX_ELEMENTS)
        if count <= _MAX_KEPT_ARRAY or key in self._keep:
            self._keep_room(0, count)
            return tuple(v for (v,) in item.iter_unpack(self._bytes(count * item.size)))
        self._file.seek(count * item.size, os.SEEK_CUR)
        return Skipped(count)

    def _pass_strings(self, key: str, count: int) -> None:
        start, block, at, unpack = self._file.tell(), b"", 0, _U64.unpack_from
        # The hot loop: one turn per token and per merge.
        for _ in range(count):
            if at + 8 > len(block):
                start += at
                self._file.seek(start)
                block, at = self._file.read(_BLOCK_BYTES), 0
                if len(block) < 8:
                    raise self._corrupt(f"a string in {key!r} leads beyond its end")
            (length,) = unpack(block, at)
            if length > self._size:
                raise self._corrupt(f"a string in {key!r} leads beyond its end")
            at += 8 + length
        self._file.seek(start + at)

    def _scalar(self, key: str, type_id: int) -> struct.Struct:
        try:
            return _SCALARS[type_id]
        except KeyError:
            raise self._corrupt(f"{key!r} has the unknown value type {type_id}") from None

    def _string(self, what: str, limit: int) -> str:
        length = self._length(what)
        if length > limit:
            raise self._corrupt(f"{what} claims to be {length:,} bytes long")
        self._keep_room(length)
        return self._bytes(length).decode("utf-8", "replace")

    def _keep_room(self, n_bytes: int, values: int = 1) -> None:
        """Take so much from what may be kept of the whole file."""
        self._room -= n_bytes + values * _VALUE_BYTES
        if self._room < 0:
            raise self._corrupt(f"its header keeps more than {_MAX_KEPT_BYTES:,} bytes")

    def _length(self, what: str) -> int:
        length: int = self._number(_U64)
        if length > self._left:
            raise self._corrupt(f"{what} claims {length:,} bytes where {self._left:,} are left")
        return length

    def _count(self, what: str, item_bytes: int, limit: int = _MAX_ENTRIES) -> int:
        count: int = self._number(_U64)
        if count > limit or count * item_bytes > self._left:
            raise self._corrupt(f"it claims {count:,} {what} in {self._left:,} bytes")
        return count

    def _number(self, item: struct.Struct) -> int:
        """One scalar; floats and booleans come out as themselves."""
        value: int = item.unpack(self._bytes(item.size))[0]
        return value

    def _bytes(self, length: int) -> bytes:
        taken = self._file.read(length)
        if len(taken) < length:
            raise self._corrupt(f"it is truncated within its header, at byte {self._size:,}")
        return taken

    @property
    def _left(self) -> int:
        return max(0, self._size - self._file.tell())

    def _corrupt(self, problem: str) -> CorruptWeightsError:
        return CorruptWeightsError(self._path, problem)


def _padded(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
