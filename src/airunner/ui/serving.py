"""Which model serves a capability, in words, and why where it is not the one it should be."""

from __future__ import annotations

import asyncio

from airunner.errors import AiRunnerError
from airunner.models.catalog import Resolution
from airunner.models.spec import ModelCapability, short_name
from airunner.runtime.core import RuntimeCore


async def served_by(core: RuntimeCore, capability: ModelCapability) -> str:
    """What a panel says of the model that it asks."""
    try:
        return serving_in_words(await asyncio.to_thread(core.advise, capability))
    except AiRunnerError as error:
        return str(error)


def serving_in_words(found: Resolution) -> str:
    """What serves, and how to get what would serve better."""
    name = short_name(found.spec.model_path)
    if not found.is_fallback:
        return f"{name} does this."
    advice = f" {found.advice} gets it." if found.advice else ""
    return f"{name} does this, as {short_name(found.wanted.model_path)} is not here.{advice}"
