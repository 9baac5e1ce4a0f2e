"""Capabilities as people write them: ``Image Generation``, ``image-generation`` or ``image``.

Owns what counts as the same name. The capabilities themselves are ``spec``'s.
"""

from __future__ import annotations

from airunner.errors import UnknownCapabilityError
from airunner.models.spec import ModelCapability

_SHORTEST = 3


def capability_of(words: ModelCapability | str) -> ModelCapability:
    """The capability of that name, or the only one that begins so.

    Raises:
        UnknownCapabilityError: there is none, or several begin so.
    """
    if isinstance(words, ModelCapability):
        return words
    name = words.strip().casefold().replace("-", "_").replace(" ", "_")
    found = [each for each in ModelCapability if each.value == name]
    if not found and len(name) >= _SHORTEST:
        found = [each for each in ModelCapability if each.value.startswith(name)]
    if len(found) != 1:
        raise UnknownCapabilityError(words, [each.value for each in ModelCapability])
    return found[0]
