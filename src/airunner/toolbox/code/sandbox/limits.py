"""How much a script may use, and the name of the empty folder that it runs in."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
FOLDER_PREFIX = "airunner-sandbox-"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a script may take before it is stopped.

    Attributes:
        time_s: how long it may compute.
        wall_s: how long the whole run may take, the start of its process included.
        memory_bytes: what its values may take.
        output_chars: how much of what it prints is kept; the rest is counted.
        flood_chars: how much it may print before it is stopped.
        value_chars: how much of its last value is kept.
        calls: how often it may call a function that is not the interpreter's own,
            such as ``plot``.
    """

    time_s: float = 5.0
    wall_s: float = 30.0
    memory_bytes: int = 256 * MIB
    output_chars: int = 12_000
    flood_chars: int = 4_000_000
    value_chars: int = 4_000
    calls: int = 10_000

    @property
    def address_space_bytes(self) -> int:
        """What each process of the sandbox may map: the script's memory and room for itself."""
        return self.memory_bytes + 768 * MIB

    @property
    def cpu_s(self) -> int:
        """Processor time after which the system ends a process of the sandbox."""
        return int(self.time_s) + 10
