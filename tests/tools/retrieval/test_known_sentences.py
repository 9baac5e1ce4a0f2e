"""The vectors that are kept between starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from airunner.tools.request import split_request
from airunner.tools.retrieval.known_sentences import KnownSentences
from airunner.tools.retrieval.relevance import RelevanceIndex
from airunner.tools.retrieval.sentence_model import SentenceModel
from airunner.tools.tool import tool


class Counting(SentenceModel):
    """The real model, which says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        self.asked += texts
        return super().embed(texts)


@tool(examples=["how will the weather be?", "is it going to rain in Oslo?"])
def forecast(city: str) -> str:
    """Forecast the weather."""
    return city


@tool
def water_level(river: str) -> str:
    """Say how high a river is."""
    return river


def test_what_was_read_once_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "sentences.npz"
    first, second = Counting(), Counting()
    request = split_request("will it rain in Bergen tomorrow?")
    before = RelevanceIndex([forecast, water_level], first, path).rank(request)
    after = RelevanceIndex([forecast, water_level], second, path).rank(request)
    assert set(forecast.examples) < set(first.asked)
    assert second.asked == [request.message]
    assert [(m.tool, m.score) for m in before] == [(m.tool, m.score) for m in after]
    assert before[0].tool is forecast


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "sentences.npz"
    fresh = SentenceModel().embed(["a red door"])
    for damage in (b"", b"no zip at all", b"PK\x03\x04" + bytes(40)):
        path.write_bytes(damage)
        known = KnownSentences(SentenceModel(), path)
        assert np.allclose(known.embed(["a red door"]), fresh, atol=1e-3)
        known.keep()
        assert KnownSentences(Counting(), path).embed(["a red door"]).shape == fresh.shape
        with np.load(path) as file:
            assert len(file["keys"]) == 1


def test_only_what_was_last_asked_for_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "sentences.npz"
    for texts in (["one", "two", "three"], ["two", "four"]):
        known = KnownSentences(SentenceModel(), path)
        known.embed(texts)
        known.keep()
    with np.load(path) as file:
        assert len(file["keys"]) == 2
    assert [child.name for child in tmp_path.iterdir()] == ["sentences.npz"]


def test_a_search_among_no_tools_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "sentences.npz"
    known = KnownSentences(SentenceModel(), path)
    known.embed(["one"])
    known.keep()
    before = path.read_bytes()
    request = split_request("how will the weather be in Rome?")
    assert RelevanceIndex([], SentenceModel(), path).rank(request) == []
    assert path.read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="a folder stands where the file should")
def test_where_nothing_can_be_written_tools_are_found_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be", encoding="utf-8")
    index = RelevanceIndex([forecast], SentenceModel(), tmp_path / "cache" / "sentences.npz")
    (match,) = index.rank(split_request("how will the weather be in Rome?"))
    assert match.fits
