"""A model is a toy by its parameters, whoever made it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engines.space_prefix_model import write_space_prefix_model

from airunner.cli.banner import banner
from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY, MODEL_REGISTRY
from airunner.config.settings import Settings
from airunner.models.spec import ModelSpec
from airunner.runtime.checkup import examine
from airunner.runtime.survey import PRIMARY, Survey


@pytest.mark.parametrize(("billions", "is_toy"), [(0.6, True), (1.0, False), (None, False)])
def test_a_toy_has_less_than_a_billion_parameters(billions: float | None, is_toy: bool) -> None:
    assert ModelSpec("a/b", [PRIMARY], parameters_b=billions).is_toy is is_toy
    assert MODEL_REGISTRY[EMBEDDED_PRIMARY].is_toy


def own_toy(home: Path) -> None:
    """Registers a small model in the file of a home folder."""
    weights = write_space_prefix_model(home / "own-Q8_0.gguf")
    (home / "config.toml").write_text(
        '[models."own-Q8_0"]\ncapabilities = ["primary_conversation"]\n'
        f'file = "{weights}"\nparameters_b = 0.6\n',
        encoding="utf-8",
    )


def test_a_small_model_of_ones_own_silences_no_warning(tmp_path: Path) -> None:
    own_toy(tmp_path)
    survey = Survey(Settings.load({"home": tmp_path, "primary": "own-Q8_0"}, environ={}))
    text = " ".join(banner(survey))  # type: ignore[arg-type]
    assert "It is a very small model, of 600 million parameters" in text
    assert "`airunner setup` gets a team" in text


def test_doctor_tells_of_a_toy_of_ones_own(tmp_path: Path) -> None:
    own_toy(tmp_path)
    report = examine(Settings.load({"home": tmp_path, "primary": "own-Q8_0"}, environ={}))
    (told,) = [each for each in report["problems"] if each["id"] == "small-primary"]
    assert "600 million parameters" in told["what"]
    assert "airunner setup" in told["remedy"]
