"""What the files of an image pipeline say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.models.files.pipeline_files import (
    ENCODER,
    INDEX,
    UNET,
    write_pipeline,
    write_safetensors,
)

from airunner.errors import CorruptWeightsError, MissingWeightsError
from airunner.models.files.pipeline import may_inpaint, only_inpaints, read_pipeline


def test_a_folder_is_read_part_by_part(tmp_path: Path) -> None:
    pipeline = read_pipeline(write_pipeline(tmp_path / "sd"))
    assert pipeline.class_name == "StableDiffusionPipeline"
    assert set(pipeline.parts) == {"text_encoder", "unet", "vae"}
    assert pipeline.denoiser.class_name == "UNet2DConditionModel"
    assert pipeline.vae is pipeline.parts["vae"]
    elements = 32 * 4 * 9 + 64 * 64 * 9 + 4
    assert pipeline.denoiser.n_bytes == pipeline.denoiser.loaded_bytes(4) == 4 * elements
    assert pipeline.denoiser.loaded_bytes(2) == 2 * elements
    assert not pipeline.is_pickle


def test_files_of_a_variant_are_found_and_named(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "sd", "F16", ".fp16")
    assert read_pipeline(folder).variant == "fp16"
    assert (
        read_pipeline(folder).denoiser.loaded_bytes(4) == 2 * read_pipeline(folder).denoiser.n_bytes
    )
    # Plain files of one part alone do not help: the others have none.
    write_safetensors(folder / "unet/diffusion_pytorch_model.safetensors", UNET)
    mixed = read_pipeline(folder)
    assert mixed.variant == "fp16"
    assert mixed.denoiser.files[0].name.endswith(".fp16.safetensors")


def test_the_pieces_of_a_split_file_count_together(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "sd")
    whole = read_pipeline(folder).parts["text_encoder"].n_bytes
    (folder / "text_encoder/model.safetensors").unlink()
    for number, name in enumerate(ENCODER, 1):
        file = folder / f"text_encoder/model-0000{number}-of-00002.safetensors"
        write_safetensors(file, {name: ENCODER[name]})
    assert read_pipeline(folder).parts["text_encoder"].n_bytes == whole
    file.unlink()
    with pytest.raises(CorruptWeightsError, match="'text_encoder' has only 1 of 2 weight files"):
        read_pipeline(folder)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "scheduler", "tokenizer"])
def test_a_missing_part_is_named(tmp_path: Path, part: str) -> None:
    folder = write_pipeline(tmp_path / "sd")
    shutil.rmtree(folder / part)
    with pytest.raises(CorruptWeightsError, match=f"part '{part}' is missing"):
        read_pipeline(folder)


def test_a_part_without_weights_or_settings_is_named(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "sd")
    config = folder / "unet/config.json"
    config.unlink()
    with pytest.raises(CorruptWeightsError, match=r"'unet' has no config\.json"):
        read_pipeline(folder)
    config.write_text("[]")
    with pytest.raises(CorruptWeightsError, match="not a JSON object"):
        read_pipeline(folder)
    (folder / "unet/diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(CorruptWeightsError, match="'unet' has no weights"):
        read_pipeline(folder)
    (folder / "model_index.json").unlink()
    with pytest.raises(CorruptWeightsError, match=r"no model_index\.json"):
        read_pipeline(folder)
    with pytest.raises(MissingWeightsError):
        read_pipeline(tmp_path / "absent")


def test_a_checker_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "sd")
    index = INDEX | {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    assert "safety_checker" not in read_pipeline(folder).parts


@pytest.mark.parametrize("name", ["..", "a/b", "/etc"])
def test_an_index_cannot_lead_out_of_its_folder(tmp_path: Path, name: str) -> None:
    folder = write_pipeline(tmp_path / "sd")
    (folder / "model_index.json").write_text(json.dumps({name: ["diffusers", "AutoencoderKL"]}))
    with pytest.raises(CorruptWeightsError, match="impossible part"):
        read_pipeline(folder)


def test_pickles_are_recognised_and_safetensors_preferred(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "sd")
    (folder / "unet/diffusion_pytorch_model.bin").write_bytes(bytes(1000))
    assert not read_pipeline(folder).is_pickle
    (folder / "unet/diffusion_pytorch_model.safetensors").unlink()
    pipeline = read_pipeline(folder)
    assert pipeline.is_pickle
    assert (pipeline.denoiser.n_bytes, pipeline.denoiser.loaded_bytes(4)) == (1000, 2000)


def test_a_denoiser_may_be_a_gguf_file(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "sd")
    (folder / "unet/unet-Q4_0.gguf").write_bytes(b"GGUF" + bytes(996))
    denoiser = read_pipeline(folder).denoiser
    assert denoiser.is_gguf
    assert denoiser.loaded_bytes(4) == denoiser.n_bytes == 1000


def test_a_checkpoint_in_one_file_is_told_apart_by_names(tmp_path: Path) -> None:
    tensors = {
        "model.diffusion_model.input_blocks.0.0.weight": (32, 4, 3, 3),
        "model.diffusion_model.input_blocks.4.0.weight": (64, 32, 3, 3),
        "first_stage_model.decoder.conv_in.weight": (32, 4, 3, 3),
        "cond_stage_model.transformer.weight": (64, 8),
        "alphas_cumprod": (10,),
    }
    file = write_safetensors(tmp_path / "sd.safetensors", tensors, "F16")
    pipeline = read_pipeline(file)
    assert list(pipeline.parts) == ["text_encoder", "unet", "vae", "rest"]
    assert pipeline.denoiser.numbers("block_out_channels") == (32, 64)
    assert sum(p.n_bytes for p in pipeline.parts.values()) == 2 * (
        32 * 36 + 64 * 32 * 9 + 32 * 36 + 512 + 10
    )
    text = write_safetensors(tmp_path / "text.safetensors", {"layers.0.weight": (8, 8)})
    with pytest.raises(CorruptWeightsError, match="no image model"):
        read_pipeline(text)
    pickle = tmp_path / "old.ckpt"
    pickle.write_bytes(bytes(100))
    assert read_pipeline(pickle).is_pickle


@pytest.mark.parametrize(
    ("class_name", "channels", "may"),
    [
        ("StableDiffusionXLPipeline", 4, True),
        ("StableDiffusionInpaintPipeline", 9, True),
        ("StableDiffusionPipeline", 8, False),
        ("FluxPipeline", None, True),
        ("FluxKontextPipeline", None, False),
        ("PixArtSigmaPipeline", None, False),
    ],
)
def test_what_can_paint_over_is_known_without_loading_it(
    tmp_path: Path, class_name: str, channels: int | None, may: bool
) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": class_name}))
    if channels is not None:
        (tmp_path / "unet").mkdir()
        (tmp_path / "unet/config.json").write_text(json.dumps({"in_channels": channels}))
    assert may_inpaint(tmp_path) is may
    assert only_inpaints(tmp_path) is (channels == 9)
