from __future__ import annotations

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, dequantize

from airunner.errors import DownloadError
from airunner.models.spec import RequantizedSource
from airunner.weights.requantize import requantize, requantized_file_name

Q8 = RequantizedSource("publisher/base", "Q8_0")


def test_weights_are_the_same_to_eight_bits_and_metadata_to_the_letter(smollm2, smollm2_q8):
    before, after = GGUFReader(smollm2), GGUFReader(smollm2_q8)

    def metadata(reader: GGUFReader) -> dict[str, bytes]:
        return {
            name: b"".join(part.tobytes() for part in field.parts)
            for name, field in reader.fields.items()
            if not name.startswith("GGUF.") and name != "general.file_type"
        }

    assert metadata(after) == metadata(before)
    assert "tokenizer.chat_template" in metadata(after)
    assert after.fields["general.file_type"].contents() == 7  # LlamaFileType.MOSTLY_Q8_0
    old = {tensor.name: tensor for tensor in before.tensors}
    assert {tensor.name for tensor in after.tensors} == set(old)
    for tensor in after.tensors:
        assert tensor.shape.tolist() == old[tensor.name].shape.tolist()
        expected = GGMLQuantizationType.Q8_0 if len(tensor.shape) > 1 else GGMLQuantizationType.F32
        assert tensor.tensor_type == expected
    for name in ("blk.0.attn_q.weight", "blk.29.ffn_down.weight", "output_norm.weight"):
        new = next(tensor for tensor in after.tensors if tensor.name == name)
        was = dequantize(old[name].data, old[name].tensor_type)
        now = dequantize(new.data, new.tensor_type)
        assert np.abs(now - was).max() <= np.abs(was).max() / 127


@pytest.mark.parametrize(
    ("quantization", "problem"), [("Q6_K", "cannot write"), ("Q9_9", "no such tensor type")]
)
def test_a_type_that_cannot_be_written_leaves_nothing(smollm2, recorder, quantization, problem):
    with pytest.raises(DownloadError, match=problem):
        requantize(recorder.transfer, RequantizedSource("publisher/base", quantization), smollm2)
    assert [p for p in recorder.transfer.folder.rglob("*") if p.is_file()] == []


def test_a_truncated_base_is_refused(smollm2, recorder, tmp_path):
    base = tmp_path / "short.Q4_1.gguf"
    with smollm2.open("rb") as stream:
        base.write_bytes(stream.read(3_000_000))
    with pytest.raises(DownloadError, match="cannot be read"):
        requantize(recorder.transfer, Q8, base)


def test_the_name_says_the_new_type(tmp_path):
    assert requantized_file_name(tmp_path / "m-1.5.Q4_1.gguf", Q8) == "m-1.5.Q8_0.gguf"
    assert requantized_file_name(tmp_path / "plain.gguf", Q8) == "plain.Q8_0.gguf"
