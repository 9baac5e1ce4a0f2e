"""The requests by which the built-in tools are found, which are data: ``examples.toml``.

They are read when a search first wants them, since most runs search for nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib.resources import files

from airunner.tools.tool import Tool


def with_examples(tools: Iterable[Tool]) -> Iterator[Tool]:
    """``tools``, each with what the file has for its name."""
    for tool in tools:
        yield tool.with_examples(partial(_examples_of, tool.name))


def _examples_of(name: str) -> Sequence[str]:
    return read_examples().get(name, ())


@cache
def read_examples() -> Mapping[str, Sequence[str]]:
    """What the file has, by the tools' names."""
    written = files("airunner.toolbox").joinpath("examples.toml").read_text(encoding="utf-8")
    return tomllib.loads(written)
