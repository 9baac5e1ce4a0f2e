"""What the settings ask for, in the terms of the parts that have to do it."""

from __future__ import annotations

from airunner.config.settings import Settings
from airunner.errors import SettingsError
from airunner.models.spec import ModelCapability
from airunner.resources.image_sizing import ImageWishes
from airunner.resources.sizing import Wishes


def wishes_of(settings: Settings) -> Wishes:
    """What the settings ask of every load."""
    image = ImageWishes(
        settings.image_dtype, settings.image_size, settings.allow_pickle, settings.safety_checker
    )
    return Wishes(settings.context, settings.parallel, settings.kv_type, image)


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
