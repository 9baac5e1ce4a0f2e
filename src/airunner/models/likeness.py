"""Which registered model a file is a copy of, told by its own metadata.

Owns the comparison of names. What follows from it for the file's table is
``airunner.models.description``'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from airunner.models.spec import ModelSpec, short_name

_FORM = re.compile(r"gguf|b?f16|f32|mxfp4|(i?q|tq)\d\w*")
_TUNED = re.compile(r"(instruct|chat|it)$")
_SAME_SIZE = 0.05
"""By how much the number of parameters may differ: some files have the output layer twice."""


def known_sampling(
    names: Iterable[str], parameters_b: float | None, registered: Iterable[ModelSpec]
) -> dict[str, float]:
    """The sampling of the registered model that goes by one of ``names``; empty for none.

    A name fits whatever its case and punctuation, and whichever the quantization. Where none
    fits, the family and size do that a name begins with, if all registered models of it
    are sampled alike.

    Args:
        names: what the file or its publisher calls the model, surest first.
        parameters_b: its parameters in billions; a model of another size is another model.
        registered: the models to compare with.
    """
    specs = [spec for spec in registered if _same_size(spec.parameters_b, parameters_b)]
    for name in filter(None, map(_bare, names)):
        for wanted in (_bare, lambda text: _TUNED.sub("", _bare(text))):
            found = [_set(spec) for spec in specs if wanted(short_name(spec.model_path)) == name]
            if found and all(each == found[0] for each in found):
                return found[0]
    return {}


def names_in(metadata: Mapping[str, Any]) -> Iterator[str]:
    """What a GGUF file's metadata calls the model and what it was made from, surest first."""

    def text(key: str) -> str:
        value = metadata.get(f"general.{key}")
        return value if isinstance(value, str) else ""

    family = f"{text('basename')}-{text('size_label')}" if text("basename") else ""
    yield text("name")
    if family:
        yield f"{family}-{text('finetune')}"
        yield family
    for number in range(4):
        yield text(f"base_model.{number}.repo_url").rpartition("/")[2]
        yield text(f"base_model.{number}.name")


def _bare(name: str) -> str:
    """Letters and digits alone, without the words for a quantization or a form of file."""
    words = re.split(r"[^a-z0-9_]+", name.casefold())
    return re.sub(r"[^a-z0-9]", "", "".join(word for word in words if not _FORM.fullmatch(word)))


def _set(spec: ModelSpec) -> dict[str, float]:
    return {key: value for key, value in asdict(spec.sampling).items() if value is not None}


def _same_size(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return True
    return abs(one - other) <= _SAME_SIZE * max(one, other)
