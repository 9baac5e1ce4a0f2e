"""What a tool may see of the system it runs in: models, memory, decisions, settings.

Owns the protocol and its plain values, which carry no paths and nothing private.
The runtime implements it; what a model is told of it is ``toolbox.system.system_tools``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A registered model. Sizes are bytes.

    Attributes:
        name: as registered, without the folder if it is a file.
        capabilities: what it may be chosen for.
        serves: what it is chosen for now.
        file_bytes: its weights on this machine; ``None`` if they are not here.
        expected_bytes: the memory it is said to need; ``None`` if nobody says.
        state: where it is in its lifecycle, such as ``"ready"``; empty before it was asked for.
        device: where it is or was last; empty before it was loaded.
        held_bytes: what is charged to it on that device now.
        parked_bytes: saved conversations, off the device.
        pinned: whether it stays loaded.
    """

    name: str
    capabilities: tuple[str, ...]
    serves: tuple[str, ...] = ()
    file_bytes: int | None = None
    expected_bytes: int | None = None
    state: str = ""
    device: str = ""
    held_bytes: int = 0
    parked_bytes: int = 0
    pinned: bool = False

    @property
    def is_here(self) -> bool:
        """Whether its weights are on this machine."""
        return self.file_bytes is not None

    @property
    def is_loaded(self) -> bool:
        """Whether it takes memory on a device, also while it comes or goes."""
        return self.held_bytes > 0


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """The memory of one device that models may use together, in bytes.

    ``lost_bytes`` were not given back by workers that ended.
    """

    device: str
    budget_bytes: int
    held_bytes: int
    lost_bytes: int = 0

    @property
    def free_bytes(self) -> int:
        """What of the budget is neither held nor lost; 0 if it is overdrawn."""
        return max(0, self.budget_bytes - self.held_bytes - self.lost_bytes)


class SystemView(Protocol):
    """The system as it is at each call. Every method may be called from any thread."""

    def models(self) -> tuple[KnownModel, ...]:
        """Every registered model, in the registry's order."""
        ...

    def devices(self) -> tuple[DeviceMemory, ...]:
        """Every device that models may use, best first."""
        ...

    def decisions(self, last: int) -> tuple[str, ...]:
        """The last decisions about models and memory in words, with their reason; oldest first."""
        ...

    def settings(self) -> Mapping[str, str]:
        """Harmless settings in words, by name: sizes, limits and switches; no paths, no names."""
        ...
