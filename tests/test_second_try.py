"""Which tests are tried once more, and how ``make test`` ends then."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from scripts.second_try import FAILED, MOST, second_try

FAILS_IF_BAD = [sys.executable, "-c", "import sys; sys.exit('bad' in sys.argv[-1])"]
"""Stands for pytest: fails for a test whose name says so."""


@pytest.mark.parametrize(
    ("status", "failed", "ends"),
    [
        (1, ["a"], 0),
        (1, ["a"] * MOST, 0),
        (1, ["a", "bad"], 1),
        (1, ["a"] * (MOST + 1), 1),
        (1, [], 1),
        (2, ["a"], 2),
        (4, [], 4),
    ],
)
def test_only_a_few_that_all_pass_alone_make_a_failed_run_pass(
    status: int, failed: list[str], ends: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    FAILED.parent.mkdir(parents=True)
    names = {f"{number}::{name}": True for number, name in enumerate(failed)}
    FAILED.write_text(json.dumps(names), encoding="utf-8")
    assert second_try(status, FAILS_IF_BAD) == ends
