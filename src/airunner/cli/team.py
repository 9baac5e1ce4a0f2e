"""The runtime for the length of one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airunner.cli.streams import tell
from airunner.config.settings import Settings
from airunner.importing import importing

if TYPE_CHECKING:
    from airunner.runtime import AnyRuntime
    from airunner.runtime.attached import AttachedRuntime
    from airunner.runtime.survey import Survey
    from airunner.tools.toolset import Toolset


@contextmanager
def surveyed(settings: Settings) -> Iterator[Survey | AttachedRuntime]:
    """What tells about models and the machine: the server's runtime, or no runtime at all."""
    from airunner.runtime.survey import Survey

    attached = _attach(settings)
    if attached is None:
        yield Survey(settings)
    else:
        with attached:
            yield attached


@contextmanager
def running_team(
    settings: Settings, command: str, toolset: Toolset | None = None, *, own: bool = False
) -> Iterator[AnyRuntime]:
    """A runtime that tools share too, closed on the way out: workers gone, parked files removed.

    It is the server's, if one runs for the home folder: nothing is loaded twice. ``own``
    wants a team of this process all the same. ``toolset`` has the tools that are called, of
    those that are built in. ``command`` goes into the run log. It is the command's name
    only, because its arguments may hold what a user said.
    """
    with importing():
        from airunner.runtime import Runtime

    attached = None if own else _attach(settings)
    if attached is not None:
        with attached:
            yield Runtime.share(attached)
        return
    with Runtime(settings, toolset=toolset, command=f"airunner {command}") as runtime:
        yield Runtime.share(runtime)


def _attach(settings: Settings) -> AttachedRuntime | None:
    """The server of the home folder, if one runs; what has to be said of it is said."""
    from airunner.runtime.presence import find_server

    if find_server(settings.home) is None:
        return None
    from airunner.runtime.attaching import attach

    attached = attach(settings)
    for line in attached.remarks if attached else ():
        tell(line, aside=True)
    return attached
