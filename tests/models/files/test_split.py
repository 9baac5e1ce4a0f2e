from __future__ import annotations

import pytest

from airunner.models.files.split import complete_sets, matches


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("Qwen3-8B-Q4_K_M.gguf", "*q4_k_m*.gguf", True),
        ("Q4_K_M/model.gguf", "*Q4_K_M*.gguf", True),
        ("Q4_K_M/model-Q4_K_M.gguf", "model-*.gguf", True),
        ("Qwen3-8B-Q5_K_M.gguf", "*Q4_K_M*.gguf", False),
        ("mmproj-model-Q8_0.gguf", "*Q8_0*.gguf", False),
        ("mmproj-model-Q8_0.gguf", "*mmproj*Q8_0*.gguf", True),
    ],
)
def test_what_a_pattern_means(name, pattern, expected):
    assert matches(name, pattern) is expected


def test_a_split_file_counts_only_with_all_its_parts():
    whole = ("a-00001-of-00002.gguf", "a-00002-of-00002.gguf")
    assert complete_sets(reversed(whole)) == [whole]
    assert complete_sets(whole[1:]) == []
    assert complete_sets(["b-00001-of-00003.gguf", "b-00003-of-00003.gguf", "c.gguf"]) == [
        ("c.gguf",)
    ]


def test_one_piece_is_preferred_to_the_same_file_in_parts():
    names = ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf", "a.gguf"]
    assert complete_sets(names) == [("a.gguf",)]
