"""What is said of a model that is a toy; see ``ModelSpec.is_toy``."""

from __future__ import annotations

from airunner.models.spec import ModelSpec


def toy_words(spec: ModelSpec, is_embedded: bool) -> str:
    """What to expect of a toy that talks: continues "It is"."""
    kind = "the embedded" if is_embedded else "a very small"
    millions = (spec.parameters_b or 0) * 1000
    return (
        f"{kind} model, of {millions:,.0f} million parameters: it shows that everything works, "
        "and is no assistant."
    )
