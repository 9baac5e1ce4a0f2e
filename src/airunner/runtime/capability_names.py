"""Capabilities by the names that settings use, and those by which others ask for them."""

from __future__ import annotations

from airunner.config.settings import Settings
from airunner.errors import SettingsError, UnknownCapabilityError
from airunner.models.capability_words import capability_of
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
        return capability_of(name)
    except UnknownCapabilityError as error:
        raise SettingsError(setting, name, settings.origins[setting], str(error)) from None


def kept_capabilities(settings: Settings) -> tuple[ModelCapability, ...]:
    """Those whose models the settings keep in memory; raises as ``capability_named``."""
    names = settings.keep_in_memory
    return tuple(capability_named(name, settings, "keep_in_memory") for name in names)


def placed_capabilities(settings: Settings) -> dict[ModelCapability, str]:
    """The devices that the settings place capabilities on; raises as ``capability_named``."""
    return {capability_named(name, settings, "assign"): to for name, to in settings.assign}
