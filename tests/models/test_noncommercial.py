"""What is said of a model's licence."""

from __future__ import annotations

import pytest

from airunner.components.llm.config.model_capabilities import MODEL_REGISTRY
from airunner.models.noncommercial import is_noncommercial, licence_words, noncommercial_words


@pytest.mark.parametrize(
    ("licence", "words"),
    [
        ("Apache-2.0", "Apache-2.0"),
        ("Stability AI (non-commercial)", "Stability AI (non-commercial)"),
        ("flux-1-dev-non-commercial-license", "flux-1-dev-non-commercial-license"),
        ("cc-by-nc-4.0", "cc-by-nc-4.0 (non-commercial)"),
        ("Non-Commercial Research", "Non-Commercial Research"),
        ("qwen-research", "qwen-research (non-commercial)"),
        ("CreativeML Open RAIL-M", "CreativeML Open RAIL-M"),
        ("", ""),
    ],
)
def test_a_licence_that_forbids_commercial_use_is_said_to(licence: str, words: str) -> None:
    assert licence_words(licence) == words
    assert is_noncommercial(licence) == ("commercial" in words.lower())


def test_the_models_that_may_not_be_used_commercially_are_named() -> None:
    free, bound = "Qwen/Qwen3-4B", "stabilityai/sdxl-turbo"
    specs = [MODEL_REGISTRY[name] for name in (free, bound)]
    assert noncommercial_words(specs) == "Not for commercial use, by licence: sdxl-turbo."
    assert noncommercial_words(specs[:1]) == ""
