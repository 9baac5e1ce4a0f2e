"""Headers of safetensors files, sound and hostile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.models.files.pipeline_files import write_safetensors

from airunner.errors import CorruptWeightsError, MissingWeightsError
from airunner.models.files.safetensors import read_tensors


def raw(path: Path, header: object, data_bytes: int, length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    path.write_bytes(size.to_bytes(8, "little") + text + bytes(data_bytes))
    return path


def test_the_tensors_of_a_file_in_the_order_of_their_data(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "b": {"dtype": "I64", "shape": [1], "data_offsets": [12, 20]},
        "a": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]},
        "empty": {"dtype": "F32", "shape": [0, 4], "data_offsets": [20, 20]},
    }
    a, b, empty = read_tensors(raw(tmp_path / "m.safetensors", header, 20))
    assert (a.name, a.dtype, a.shape, a.n_bytes, a.n_elements) == ("a", "BF16", (2, 3), 12, 6)
    assert a.is_floating
    assert (b.n_bytes, b.is_floating) == (8, False)
    assert (empty.n_elements, empty.n_bytes) == (0, 0)


def entry(**changes: object) -> dict[str, object]:
    return {"t": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


@pytest.mark.parametrize(
    ("header", "data_bytes", "problem"),
    [
        (entry(dtype="F33"), 8, "unknown dtype 'F33'"),
        (entry(dtype=None), 8, "unknown dtype"),
        (entry(shape=[-2]), 8, "impossible shape"),
        (entry(shape=[1.5]), 8, "impossible shape"),
        (entry(shape=[True]), 8, "impossible shape"),
        (entry(shape=[1] * 17), 8, "impossible shape"),
        (entry(shape=[3]), 8, "cannot have 8 bytes"),
        (entry(data_offsets=[8, 0]), 8, "impossible place"),
        (entry(data_offsets=[0]), 8, "impossible place"),
        (entry(data_offsets=[4, 12]), 12, "starts at 4 instead of 0"),
        (entry(), 7, "truncated"),
        (entry(), 9, "belong to no tensor"),
        (entry(shape=[2**62, 2**62], data_offsets=[0, 2**63]), 8, "cannot have"),
        ({"t": 1}, 0, "unknown dtype"),
        ([], 0, "not a JSON object"),
        (b'{"t": {}, "t": {}}', 0, "distinct names"),
        (b"\xff{}", 0, "not safetensors JSON"),
        (b"[" * 100_000, 0, "not safetensors JSON"),
    ],
)
def test_a_header_that_lies_is_refused(
    tmp_path: Path, header: object, data_bytes: int, problem: str
) -> None:
    with pytest.raises(CorruptWeightsError, match=problem):
        read_tensors(raw(tmp_path / "m.safetensors", header, data_bytes))


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError):
        read_tensors(tmp_path / "absent.safetensors")
    with pytest.raises(CorruptWeightsError, match="cannot be read"):
        read_tensors(tmp_path)
    short = tmp_path / "short.safetensors"
    short.write_bytes(b"1234567")
    with pytest.raises(CorruptWeightsError, match="only 7 bytes"):
        read_tensors(short)
    for length in (2**63, 100_000_001, 3):
        with pytest.raises(CorruptWeightsError, match="claims"):
            read_tensors(raw(short, b"{}", 0, length))


def test_every_cut_of_a_sound_file_is_noticed(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "m.safetensors", {"a": (3, 5), "b": (7,)})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptWeightsError):
            read_tensors(path)
