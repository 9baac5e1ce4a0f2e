"""Nothing is decoded that nobody asked for, and what comes out is bounded."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Sequence

import pytest

from airunner.errors import ToolFailedError
from airunner.server.json_bodies import problem_in
from airunner.toolbox.web.answer import Answer
from airunner.toolbox.web.page import MAX_PAGE_BYTES, _over_lines

MOST = 1_000_000


def answer(encoding: str, body: Sequence[bytes]) -> Answer:
    return Answer("tool", "http://x/", [(b"Content-Encoding", encoding.encode())], body, MOST)


@pytest.mark.parametrize("encoding", ["gzip, gzip, gzip", "gzip,gzip", "br", "zstd", "gzip;q=1"])
def test_more_than_one_decoding_is_refused(encoding: str) -> None:
    bomb = gzip.compress(gzip.compress(gzip.compress(bytes(10_000_000))))
    with pytest.raises(ToolFailedError, match="not asked for"):
        answer(encoding, [bomb]).read()


def test_one_decoding_is_bounded_in_what_comes_out() -> None:
    bomb = gzip.compress(bytes(500_000_000), compresslevel=1)
    tracemalloc.start()
    try:
        with pytest.raises(ToolFailedError, match="larger than"):
            answer("gzip", [bomb]).read()
        assert tracemalloc.get_traced_memory()[1] < 10 * MOST
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 900 + b"1," * 90_000 + b"1" + b"]" * 900,
        b"[" * 900 + b",".join([b"[1]"] * 25_000) + b"]" * 900,
        b'{"a":' * 900 + b"[" + b"{}," * 25_000 + b"{}]" + b"}" * 900,
        b"[" + b"[]," * 3_000_000 + b"[]]",
        b"[" * 100_000,
    ],
)
def test_a_page_of_json_is_laid_out_only_while_it_stays_small(data: bytes) -> None:
    assert len(_over_lines(data)) <= 2 * MAX_PAGE_BYTES


def test_an_ordinary_page_of_json_has_an_item_a_line() -> None:
    assert _over_lines(b'{"a":[1,"\xc3\xbc"]}').decode() == '{\n "a": [\n  1,\n  "ü"\n ]\n}'


def test_a_body_that_is_nested_too_deep_is_refused_before_it_is_parsed() -> None:
    assert "nested" in problem_in(b"[" * 100_000)
    assert not problem_in(json.dumps({"a": ["[" * 500]}).encode())
