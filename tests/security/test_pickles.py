"""A pickle runs any code while it is loaded: none is, whatever it is called, until a user insists.

A pipeline's folder is others' to write: names that lead out of it, parts that are links, and
configuration of any form are refused in words.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from tests.security.readers import PIPELINE, safetensors

from airunner.engines.diffusers.files import inspect_files
from airunner.engines.image import ImagePlan
from airunner.errors import AiRunnerError, LoadError
from airunner.models.files.pipeline import PICKLE_SUFFIXES, read_pipeline
from airunner.models.files.safetensors import read_tensors


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> object:
        return Path.touch, (self._path,)


@pytest.fixture
def sprung(tmp_path: Path) -> Path:
    """Is there once a trap was unpickled."""
    return tmp_path / "sprung"


def plan(path: Path, **options: bool) -> ImagePlan:
    return ImagePlan("model", path, **options)


def folder(parent: Path, weights: str, data: bytes) -> Path:
    pipeline = parent / "pipeline"
    for part in ("unet", "vae"):
        (pipeline / part).mkdir(parents=True)
        (pipeline / part / "config.json").write_text("{}")
        (pipeline / part / weights).write_bytes(data)
    (pipeline / "model_index.json").write_text(json.dumps(PIPELINE))
    return pipeline


@pytest.mark.parametrize("suffix", sorted(PICKLE_SUFFIXES))
def test_a_pickled_checkpoint_is_refused_unread(tmp_path: Path, sprung: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(LoadError, match="can run any code"):
        inspect_files(plan(path))
    assert not sprung.exists()


@pytest.mark.parametrize("suffix", sorted(PICKLE_SUFFIXES))
def test_so_is_one_in_a_folder(tmp_path: Path, sprung: Path, suffix: str) -> None:
    name = f"diffusion_pytorch_model{suffix}"
    path = folder(tmp_path, name, pickle.dumps(Trap(sprung)))
    with pytest.raises(LoadError, match="can run any code"):
        inspect_files(plan(path))
    assert not sprung.exists()


def test_a_pickle_that_calls_itself_otherwise_is_no_model(tmp_path: Path, sprung: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(AiRunnerError):
        read_tensors(path)
    assert not sprung.exists()


@pytest.mark.parametrize(
    "index",
    [
        {"../outside": ["diffusers", "UNet"]},
        {"unet/..": ["diffusers", "UNet"]},
        {"..": ["diffusers", "UNet"]},
        {"a" * 300: ["diffusers", "UNet"]},
        {"a\0b": ["diffusers", "UNet"]},
        {"unet": ["diffusers", ["UNet"]]},
        {"unet": [[], "UNet"], "_class_name": ["a", "b"]},
        {"_class_name": {"a": []}},
        [],
    ],
)
def test_an_index_of_another_form_is_refused_in_words(tmp_path: Path, index: object) -> None:
    path = folder(tmp_path, "diffusion_pytorch_model.safetensors", safetensors())
    assert read_pipeline(path).parts.keys() == {"unet", "vae"}
    (path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(AiRunnerError):
        inspect_files(plan(path))
