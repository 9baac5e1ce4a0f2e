"""How a command ends, as one number. The manual's page of commands has the same table."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the number means."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143
