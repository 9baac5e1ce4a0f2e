"""``airunner ui``: the web page in the browser, from a server that runs already or from here."""

from __future__ import annotations

import importlib.util
import webbrowser
from typing import Annotated

import typer

from airunner.cli.serve import run_server
from airunner.cli.streams import say
from airunner.config.settings import Settings
from airunner.errors import MissingPackageError


def ui(
    settings: Settings,
    port: Annotated[int, typer.Option(metavar="N", help="the port; 0 is any", min=0)] = 8188,
    browser: Annotated[bool, typer.Option(help="open the page in a browser")] = True,
) -> None:
    """Open the web page: chat, models, pictures and memory.

    It comes from `airunner serve`, which is started here unless it runs already.
    """
    from airunner.runtime.presence import find_server

    if importlib.util.find_spec("nicegui") is None:
        raise MissingPackageError("the web page", "ui")
    running = find_server(settings.home)
    if running is None:
        run_server(settings, port=port, opened=webbrowser.open if browser else None)
        return
    say(f"AI Runner serves at {running.url}")
    if browser:
        webbrowser.open(running.url)
