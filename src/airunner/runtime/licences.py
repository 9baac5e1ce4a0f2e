"""What AI Runner is made of here: its version, and the licence of each installed part.

Owns how a licence is read from a package's metadata, which says it in one of three ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from typing import Any

from airunner import __version__
from airunner.components.llm.config.model_capabilities import MODEL_REGISTRY
from airunner.models.noncommercial import licence_words

OWN_LICENCE = "Apache-2.0"
_LONGEST = 80
"""Characters of a field that names a licence; a longer one is its text."""
_CLASSIFIER = "License :: "


@dataclass(frozen=True, slots=True)
class Licensed:
    """A package or a model, its version (empty for a model), and its licence."""

    name: str
    version: str
    licence: str


def about() -> dict[str, Any]:
    """The version, the licence, and those of the Python packages and of the registered models."""
    packages = {
        each.metadata["Name"].lower(): Licensed(
            each.metadata["Name"], each.version, licence_of(each)
        )
        for each in distributions()
    }
    packages.pop("airunner", None)
    return {
        "version": __version__,
        "licence": OWN_LICENCE,
        "packages": [packages[name] for name in sorted(packages)],
        "models": [
            Licensed(name, "", licence_words(spec.license)) for name, spec in MODEL_REGISTRY.items()
        ],
    }


def licence_of(package: Distribution) -> str:
    """Its licence; ``not said`` where its metadata does not name one."""
    known = package.metadata.json
    expression = str(known.get("license_expression", ""))
    if expression:
        return expression
    classifiers = [
        line.split(" :: ")[-1]
        for line in known.get("classifier", ())
        if line.startswith(_CLASSIFIER) and line != f"{_CLASSIFIER}OSI Approved"
    ]
    said = str(known.get("license", "")).strip()
    if said and len(said) <= _LONGEST and "\n" not in said:
        return said
    return ", ".join(classifiers) or "not said"
