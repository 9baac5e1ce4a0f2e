"""Whether a model's licence forbids commercial use, and how that is said.

Owns how that is read from the name, which is all that a registry or a hub's card gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from airunner.models.spec import ModelSpec, short_name

_SAYS_SO = re.compile(r"non-?commercial", re.IGNORECASE)
_MEANS_IT = re.compile(r"\bnc\b|\bresearch\b|non-?production", re.IGNORECASE)
"""Creative Commons' NC; Qwen's and Mistral's licences for research; Mistral's older one."""


def licence_words(licence: str) -> str:
    """The name, with ``(non-commercial)`` behind it where it means that and does not say it."""
    means_it = _MEANS_IT.search(licence) and not _SAYS_SO.search(licence)
    return f"{licence} (non-commercial)" if means_it else licence


def is_noncommercial(licence: str) -> bool:
    """Whether a licence forbids commercial use, by its name."""
    return bool(_SAYS_SO.search(licence_words(licence)))


def noncommercial_words(specs: Iterable[ModelSpec]) -> str:
    """Which of the models may not be used commercially, as a sentence; empty for none."""
    names = [short_name(spec.model_path) for spec in specs if is_noncommercial(spec.license)]
    return f"Not for commercial use, by licence: {', '.join(names)}." if names else ""
