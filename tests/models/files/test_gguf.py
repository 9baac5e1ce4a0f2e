from __future__ import annotations

import dataclasses
import random
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from benchmarks.random_gguf import RandomShape, write_random_gguf
from gguf import GGUFReader, GGUFWriter
from hypothesis import given, settings
from hypothesis import strategies as st

from airunner.errors import (
    CorruptWeightsError,
    MissingWeightsError,
    UnsupportedArchitectureError,
    WeightsError,
)
from airunner.models.files.gguf import read_gguf
from airunner.models.files.gguf_header import Skipped, read_header

TINY = RandomShape(n_vocab=300, n_embd=32, n_ff=32, head_dim=8)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, smollm2: Path) -> Path:
    """A sound file of 90 kB, most of it tensors."""
    return write_random_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf", TINY, smollm2)


def described(path: Path, kind: str, architecture: str) -> Path:
    """A file without tensors that claims to be something."""
    writer = GGUFWriter(path, architecture)
    writer.add_type(kind)
    writer.add_block_count(2)
    writer.add_embedding_length(64)
    writer.add_head_count(4)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    return path


def test_reads_a_real_model(smollm2: Path) -> None:
    file = read_gguf(smollm2)
    assert (file.architecture, file.n_layers, file.n_embd, file.n_ff) == ("llama", 30, 576, 1536)
    assert (file.n_heads, file.kv_heads) == (9, (3,) * 30)
    assert (file.head_dim_k, file.head_dim_v) == (64, 64)  # not in the metadata: n_embd / n_heads
    assert (file.n_vocab, file.n_merges, file.context_length) == (49152, 48900, 8192)
    assert file.tied_embedding is not None
    assert file.weights_bytes + read_header(smollm2).data_offset == smollm2.stat().st_size


@pytest.mark.parametrize(
    "shape",
    [
        RandomShape("llama", n_vocab=300, quantization="Q4_1", tied=False),
        RandomShape("qwen2", n_vocab=300, n_heads=2, quantization="Q8_0"),
        RandomShape("qwen3", n_vocab=300, head_dim=96),
        RandomShape("qwen3moe", n_vocab=300, n_experts=6, n_experts_used=3),
        RandomShape("gemma3", n_vocab=300, n_layers=13, sliding_window=128),
    ],
    ids=lambda shape: shape.architecture,
)
def test_reads_what_was_written(shape: RandomShape, tmp_path: Path, smollm2: Path) -> None:
    file = read_gguf(write_random_gguf(tmp_path / "m.gguf", shape, smollm2))
    assert file.architecture == shape.architecture
    assert file.kv_heads == (shape.n_kv_heads,) * shape.n_layers
    assert (file.n_heads, file.head_dim_k, file.n_vocab) == (shape.n_heads, shape.head_dim, 300)
    assert (file.tied_embedding is not None) == shape.tied
    moe = shape.architecture == "qwen3moe"
    assert (file.n_experts, file.n_experts_used) == ((6, 3) if moe else (0, 0))
    if shape.architecture == "gemma3":
        full = [i for i, windowed in enumerate(file.windowed_layers) if not windowed]
        assert (file.sliding_window, full) == (128, [5, 11])
    else:
        assert file.sliding_window is None


def test_agrees_with_the_reference_reader(tiny: Path) -> None:
    ours, theirs = read_header(tiny), GGUFReader(tiny)
    assert [(t.name, t.shape, t.type.name, t.n_bytes) for t in ours.tensors] == [
        (t.name, tuple(t.shape.tolist()), t.tensor_type.name, t.n_bytes) for t in theirs.tensors
    ]
    assert ours.data_offset == theirs.tensors[0].data_offset
    for key, value in ours.metadata.items():
        expected = theirs.fields[key].contents()
        if isinstance(value, Skipped):
            assert value.length == len(expected)
        else:
            assert value == (tuple(expected) if isinstance(expected, list) else expected)


def test_every_truncation_is_found(tiny: Path, tmp_path: Path) -> None:
    whole = tiny.read_bytes()
    damaged = tmp_path / "cut.gguf"
    header_bytes = read_header(tiny).data_offset
    inside = random.Random(1).sample(range(header_bytes, len(whole)), 40)
    for length in [*range(0, header_bytes, 7), *inside, len(whole) - 1]:
        damaged.write_bytes(whole[:length])
        with pytest.raises(CorruptWeightsError) as caught:
            read_gguf(damaged)
        assert caught.value.path == damaged


@settings(max_examples=300)
@given(data=st.data())
def test_flipped_bytes_are_an_error_or_harmless(
    data: st.DataObject, tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = bytearray(tiny.read_bytes())
    places = st.integers(0, read_header(tiny).data_offset - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=8)):
        whole[place] = value
    damaged = tmp_path_factory.getbasetemp() / "flipped.gguf"
    damaged.write_bytes(whole)
    tracemalloc.start()
    try:
        read_gguf(damaged)
    except WeightsError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize(
    ("at", "problem"),
    [(8, "tensors in"), (16, "metadata entries in"), (24, "claims")],
    ids=["tensor count", "entry count", "key length"],
)
def test_hostile_counts_are_not_believed(at: int, problem: str, tiny: Path, tmp_path: Path) -> None:
    hostile = bytearray(tiny.read_bytes())
    struct.pack_into("<Q", hostile, at, 2**63 - 1)
    damaged = tmp_path / "hostile.gguf"
    damaged.write_bytes(hostile)
    with pytest.raises(CorruptWeightsError, match=problem):
        read_gguf(damaged)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "only 0 bytes"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "does not begin as"),
        (b"GGUF" + bytes([0, 0, 0, 3]) + bytes(40), "big-endian"),
        (b"GGUF" + bytes([1, 0, 0, 0]) + bytes(40), "version 1"),
        (b"GGUF" + bytes([3, 0, 0, 0]) + bytes(40), "architecture"),
    ],
    ids=["empty", "html", "big-endian", "old", "no metadata"],
)
def test_other_files_are_named_for_what_they_are(
    content: bytes, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(CorruptWeightsError, match=problem):
        read_gguf(path)


def test_no_file_and_no_regular_file(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError):
        read_gguf(tmp_path / "nothing.gguf")
    with pytest.raises(CorruptWeightsError, match="directory"):
        read_gguf(tmp_path)


def test_files_that_cannot_chat(tmp_path: Path) -> None:
    for kind, architecture in [("mmproj", "clip"), ("model", "flux"), ("adapter", "llama")]:
        path = described(tmp_path / f"{architecture}.gguf", kind, architecture)
        with pytest.raises(UnsupportedArchitectureError, match=architecture):
            read_gguf(path)
    encoder = described(tmp_path / "bert.gguf", "model", "bert")
    with pytest.raises(UnsupportedArchitectureError):
        read_gguf(encoder)
    assert read_gguf(encoder, embedding=True).architecture == "bert"


def test_split_models_are_read_as_one(tmp_path: Path, tiny: Path) -> None:
    source = GGUFReader(tiny)
    writer = GGUFWriter(tmp_path / "model.gguf", "qwen3", split_max_tensors=10)
    writer.add_block_count(TINY.n_layers)
    writer.add_embedding_length(TINY.n_embd)
    writer.add_head_count(TINY.n_heads)
    for tensor in source.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    parts = sorted(tmp_path.glob("model-*.gguf"))
    file = read_gguf(parts[0])
    assert file.parts == tuple(parts)
    assert sorted(t.name for t in file.tensors) == sorted(t.name for t in source.tensors)
    with pytest.raises(CorruptWeightsError, match="first part"):
        read_gguf(parts[1])
    parts[1].unlink()
    with pytest.raises(MissingWeightsError) as caught:
        read_gguf(parts[0])
    assert caught.value.looked_at == (parts[1],)


def test_an_unknown_architecture_is_read_all_the_same(tmp_path: Path) -> None:
    file = read_gguf(described(tmp_path / "new.gguf", "model", "brandnew"))
    assert (file.architecture, file.head_dim_k, file.kv_heads) == ("brandnew", 16, (4, 4))


def test_reading_imports_nothing_heavy() -> None:
    code = "import sys, airunner.models.files.gguf; print({'numpy', 'gguf'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


def test_facts_are_frozen(tiny: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_gguf(tiny).n_layers = 1  # type: ignore[misc]
