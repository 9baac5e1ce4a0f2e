"""Capabilities by the names that settings use, and those by which others ask for them."""

from __future__ import annotations

from airunner.config.settings import Settings
from airunner.errors import SettingsError
from airunner.models.spec import ModelCapability

TEAM = "airunner"
"""The primary model, as clients name it."""
CAPABILITY = "capability:"
"""Before a capability's name: whatever serves it, as clients name that."""


def capability_named(name: str, settings: Settings, setting: str) -> ModelCapability:
    """The capability that ``setting`` names.

    Raises:
        SettingsError: there is none of that name.
    """
    try:
        return ModelCapability(name.lower())
    except ValueError:
        known = ", ".join(c.value for c in ModelCapability)
        origin = settings.origins[setting]
        raise SettingsError(
            setting, name, origin, f"no such capability; there is {known}"
        ) from None
