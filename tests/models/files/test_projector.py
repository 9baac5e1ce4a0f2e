"""The file that lets a model see: found by its name, read by its header."""

from __future__ import annotations

from pathlib import Path

import gguf
import pytest
from tests.engines.space_prefix_model import write_space_prefix_model
from tests.engines.tiny_projector import TOKENS, WIDTH, write_tiny_projector

from airunner.errors import CorruptWeightsError, MissingWeightsError, UnsupportedArchitectureError
from airunner.messages import AudioPart
from airunner.models.files.projector import find_projector, read_projector


def folder_with(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder / names[0]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["m-Q4_K_M.gguf"], None),
        (["m-Q4_K_M.gguf", "mmproj-F16.gguf"], "mmproj-F16.gguf"),
        (["m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-model-f16.gguf"], "mmproj-model-f16.gguf"),
        (["See-8B-Q4_K_M.gguf", "See-8B-BF16-mmproj.gguf"], "See-8B-BF16-mmproj.gguf"),
        (
            ["See-8B.Q4_1.gguf", "other.gguf", "mmproj-See-8B-f16.gguf", "mmproj-other.gguf"],
            "mmproj-See-8B-f16.gguf",
        ),
        (["model.gguf", "other.gguf", "mmproj-F16.gguf"], None),
        (["See-8B-Q4_0.gguf", "mmproj-See-4B-f16.gguf"], None),
        (
            ["See-8B-00001-of-00002.gguf", "See-8B-00002-of-00002.gguf", "mmproj.gguf"],
            "mmproj.gguf",
        ),
        (["m.gguf", "mmproj-Q8_0.gguf", "mmproj-F32.gguf", "mmproj-F16.gguf"], "mmproj-F16.gguf"),
    ],
)
def test_it_lies_beside_the_weights_and_can_be_of_no_other_model(
    tmp_path: Path, names: list[str], found: str | None
) -> None:
    projector = find_projector(folder_with(tmp_path, *names))
    assert projector == (None if found is None else tmp_path / found)


def test_its_header_says_what_it_takes_and_what_it_costs(tmp_path: Path) -> None:
    path = write_tiny_projector(tmp_path / "mmproj.gguf", 64)
    projector = read_projector(path)
    assert projector.takes == {"image"}
    assert projector.most_image_tokens == TOKENS
    assert (projector.width, projector.n_ff) == (WIDTH, 2 * WIDTH)
    assert 0.9 * path.stat().st_size < projector.weights_bytes < path.stat().st_size
    assert projector.compute_bytes > 0


def test_pictures_of_any_size_are_bounded_by_what_the_engine_allows(tmp_path: Path) -> None:
    def most(kind: str) -> int:
        writer = gguf.GGUFWriter(tmp_path / "mmproj.gguf", "clip")
        writer.add_bool("clip.has_vision_encoder", True)
        writer.add_bool("clip.has_audio_encoder", True)
        writer.add_string("clip.vision.projector_type", kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        projector = read_projector(tmp_path / "mmproj.gguf")
        assert projector.takes == {"image", "audio"}
        assert projector.most_tokens(AudioPart(bytes(16_000), "audio/mpeg")) == 882
        return projector.most_image_tokens

    assert (most("pixtral"), most("qwen3vl_merger"), most("new")) == (1024, 4096, 4096)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mmproj.gguf"
    with pytest.raises(MissingWeightsError):
        read_projector(path)
    path.write_bytes(b"GGUF")
    with pytest.raises(CorruptWeightsError):
        read_projector(path)
    write_space_prefix_model(path)
    with pytest.raises(UnsupportedArchitectureError):
        read_projector(path)
