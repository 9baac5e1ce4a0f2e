"""The public names: what ``airunner`` exports, and the errors as their docstring draws them."""

from __future__ import annotations

import inspect
import re

import airunner
from airunner import errors

TREE_LINE = re.compile(r"^    ((?:│   |    )*)(?:├── |└── )?(\w+Error)\b", re.MULTILINE)


def test_every_exported_name_resolves_and_no_other_is_on_offer() -> None:
    for name in airunner.__all__:
        assert getattr(airunner, name) is not None
    assert set(airunner._EXPORTS) | {"__version__"} == set(airunner.__all__)
    assert sorted(airunner.__all__) == airunner.__all__
    assert not hasattr(airunner, "no_such_name")


def test_the_tree_in_the_docstring_is_the_hierarchy() -> None:
    drawn: dict[str, str] = {}
    ancestors: list[str] = []
    for match in TREE_LINE.finditer(errors.__doc__ or ""):
        has_branch = match.group(0).strip() != match.group(2)
        depth = len(match.group(1)) // 4 + has_branch
        del ancestors[depth:]
        drawn[match.group(2)] = ancestors[-1] if ancestors else "Exception"
        ancestors.append(match.group(2))

    written = {
        name: error.__base__.__name__
        for name, error in vars(errors).items()
        if inspect.isclass(error) and issubclass(error, Exception) and error.__base__
    }
    assert drawn == written
