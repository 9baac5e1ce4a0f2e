"""What is advised about bytes that could not be written."""

from __future__ import annotations

import errno
import os

import pytest

from airunner.errors import StorageError


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.EACCES, "Make it writable for this user"),
        (errno.EROFS, "Make it writable for this user"),
        (errno.ENOTDIR, "Something else has that name"),
        (errno.ENAMETOOLONG, "Correct the path"),
        (errno.EMFILE, "try again when some of it is over"),
        (errno.ENOSPC, "Free some space"),
        (errno.EDQUOT, "Free some space"),
    ],
)
def test_the_advice_is_about_the_problem(code: int, advice: str) -> None:
    assert advice in str(StorageError("/a", os.strerror(code)))


def test_advice_of_ones_own_comes_first() -> None:
    problem = os.strerror(errno.EACCES)
    assert str(StorageError("/a", problem, advice="Ask Ann.")).endswith(f"{problem}. Ask Ann.")
