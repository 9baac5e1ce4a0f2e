"""The runtime for the length of one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airunner.config.settings import Settings

if TYPE_CHECKING:
    from airunner.runtime import Runtime
    from airunner.tools.toolset import Toolset


@contextmanager
def running_team(
    settings: Settings, command: str, toolset: Toolset | None = None
) -> Iterator[Runtime]:
    """A runtime that tools share too, closed on the way out: workers gone, parked files removed.

    ``command`` goes into the run log. It is the command's name only, because
    its arguments may hold what a user said.
    """
    from airunner.runtime import Runtime

    with Runtime(settings, toolset=toolset, command=f"airunner {command}") as runtime:
        yield Runtime.share(runtime)
