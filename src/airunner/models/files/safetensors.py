"""The header of a safetensors file: which tensors it holds, read without trust or library.

Owns the file format and its bounds; what the tensors are for is
``airunner.models.files.pipeline``. Layout, from the format's own README: eight bytes
with the header's length, little-endian; a JSON object from each tensor's name to
its dtype, shape and place; the data. The checks are those of the ``safetensors``
library, so a file that passes here is one the engine will open.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeGuard

from airunner.errors import CorruptWeightsError
from airunner.errors.base import in_short
from airunner.json_schema.item_count import has_more_items
from airunner.models.files.opened import opened

DTYPE_BITS: Mapping[str, int] = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8,
    "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8, "C64": 64,
}  # fmt: skip
"""Bits of one element, by the format's names (``safetensors/src/tensor.rs``, ``Dtype``)."""

_FLOATS = ("F64", "F32", "F16", "BF16", "F8_", "F6_", "F4")
_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 100_000_000  # the library's own limit
_MAX_ITEMS = 1 << 20  # commas and brackets; a tensor of four dimensions has ten
_MAX_DIMENSIONS = 16
_METADATA = "__metadata__"


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor as it is stored. ``n_bytes`` is its data in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    n_bytes: int

    @property
    def n_elements(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def is_floating(self) -> bool:
        """Whether loading converts it to the dtype that is computed in."""
        return self.dtype.startswith(_FLOATS)


def read_tensors(path: Path) -> tuple[StoredTensor, ...]:
    """The tensors of the safetensors file at ``path``, in the order of their data.

    Raises:
        MissingWeightsError: there is no such file.
        CorruptWeightsError: it cannot be read, is not safetensors, is truncated,
            or contradicts itself.
    """
    with opened(path) as file:
        return _read(path, file)


def _read(path: Path, file: BinaryIO) -> tuple[StoredTensor, ...]:
    size_bytes = os.fstat(file.fileno()).st_size
    if size_bytes < _LENGTH_BYTES:
        raise CorruptWeightsError(path, f"it has only {size_bytes} bytes")
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    data_bytes = size_bytes - _LENGTH_BYTES - length
    if length > _MAX_HEADER_BYTES or data_bytes < 0:
        raise CorruptWeightsError(
            path, f"its header claims {length:,} bytes in a file of {size_bytes:,}"
        )
    header = _header(path, file.read(length))
    placed = sorted(
        (_tensor(path, name, entry) for name, entry in header.items() if name != _METADATA),
        key=lambda item: (item[1], item[2]),
    )
    expected = 0
    for tensor, begin, end in placed:
        if begin != expected:
            raise CorruptWeightsError(
                path,
                f"tensor {in_short(tensor.name)} starts at {begin:,} instead of {expected:,}",
            )
        expected = end
    if expected != data_bytes:
        what = "is truncated" if expected > data_bytes else "has bytes that belong to no tensor"
        raise CorruptWeightsError(
            path, f"it {what}: its tensors end at {expected:,} of {data_bytes:,} bytes of data"
        )
    return tuple(tensor for tensor, _, _ in placed)


def _header(path: Path, text: bytes) -> dict[str, object]:
    if has_more_items(text, _MAX_ITEMS):
        raise CorruptWeightsError(path, f"its header has more than {_MAX_ITEMS:,} items")
    try:
        header = json.loads(text, object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        raise CorruptWeightsError(path, f"its header is not safetensors JSON ({error})") from None
    if not isinstance(header, dict):
        raise CorruptWeightsError(path, "its header is not a JSON object with distinct names")
    return header


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object] | None:
    """An object, or ``None`` if a name occurs twice: two readers could see two files."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else None


def _tensor(path: Path, name: str, entry: object) -> tuple[StoredTensor, int, int]:
    """A tensor, and where its data begins and ends within the data of the file."""
    fields = entry if isinstance(entry, dict) else {}
    dtype, shape = fields.get("dtype"), fields.get("shape")
    offsets, what = fields.get("data_offsets"), f"tensor {in_short(name)}"
    if not isinstance(dtype, str) or dtype not in DTYPE_BITS:
        raise CorruptWeightsError(path, f"{what} has the unknown dtype {in_short(dtype)}")
    if not _are_counts(shape) or len(shape) > _MAX_DIMENSIONS:
        raise CorruptWeightsError(path, f"{what} has the impossible shape {in_short(shape)}")
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise CorruptWeightsError(path, f"{what} has the impossible place {in_short(offsets)}")
    begin, end = offsets
    bits = math.prod(shape) * DTYPE_BITS[dtype]
    if bits != (end - begin) * 8:
        raise CorruptWeightsError(
            path,
            f"{what} of shape {in_short(shape)} in {dtype} cannot have {end - begin:,} bytes",
        )
    return StoredTensor(name, dtype, tuple(shape), end - begin), begin, end


def _are_counts(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)
