"""The runtime for the length of one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from airunner.config.settings import Settings

if TYPE_CHECKING:
    from airunner.runtime import AnyRuntime
    from airunner.tools.toolset import Toolset


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
    from airunner.runtime import Runtime
    from airunner.runtime.attaching import attach

    attached = None if own else attach(settings)
    if attached is not None:
        for line in attached.remarks:
            typer.echo(line, err=True)
        with attached:
            yield Runtime.share(attached)
        return
    with Runtime(settings, toolset=toolset, command=f"airunner {command}") as runtime:
        yield Runtime.share(runtime)
