"""The page's own words for what is worded for a terminal."""

from __future__ import annotations

import pytest

from airunner.config.settings import SETTINGS
from airunner.errors import DoesNotFitError, MissingWeightsError, UnknownModelError
from airunner.ui.page_words import page_html, page_words
from airunner.ui.settings.setting_dialog import label_of


def test_a_refusal_names_settings_and_round_sizes() -> None:
    words = page_words(DoesNotFitError("a/b", "cpu", 268_173_344, 100_000_000, 100_000_000))
    assert words == (
        "a/b needs 268 MB on cpu, where at most 100 MB of a budget of 100 MB can be made free: "
        "168 MB too few. Close other programs, raise the setting Max memory, lower the setting "
        "Context, choose a smaller quantization, or release a pinned model."
    )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("`airunner models pull a/b` gets it, `airunner setup` a whole team.", "{} gets it."),
        ("b is not here. airunner models pull a/b gets it.", "b is not here. {} gets it."),
        ("<b>`x`</b>", "&lt;b&gt;x&lt;/b&gt;"),
    ],
)
def test_a_command_becomes_the_page_that_does_it(said: str, shown: str) -> None:
    assert page_html(said) == shown.format('<a href="/download-models">Download models</a>')


def test_commands_that_become_one_page_are_one_hint() -> None:
    words = page_words(UnknownModelError("My Model"))
    assert words == "No model named 'My Model'. Look in Download models."


def test_no_command_is_left_in_missing_weights_or_in_a_settings_help() -> None:
    told = [str(MissingWeightsError("a/b")), *(setting.help for setting in SETTINGS.values())]
    for words in map(page_words, told):
        assert "`" not in words
        assert "airunner " not in words


def test_a_sizes_units_keep_their_capitals() -> None:
    assert label_of("size") == "600MB, 6.5GiB or 8G"
    assert label_of("table") == "NAME=VALUE with commas between them"
