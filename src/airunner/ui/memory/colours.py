"""A model's colour wherever the memory is shown: the same in the strip, the timeline, the list."""

from __future__ import annotations

from airunner.resources.status import Status

N_COLOURS = 6


def colours(status: Status) -> dict[str, str]:
    """The class of each model: ``m0`` and so on, in the order in which they were asked for."""
    return {model.model: f"m{i % N_COLOURS}" for i, model in enumerate(status.models)}
