"""``airunner serve`` and ``airunner stop``: the server, and its end."""

from __future__ import annotations

import importlib.util
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from airunner.cli.flags import EXIT_FAILED
from airunner.cli.streams import complain, say, tell
from airunner.config.settings import Settings
from airunner.errors import MissingPackageError
from airunner.importing import importing, keep_for_good

if TYPE_CHECKING:
    from airunner.server.serving import Page

_STOP_S = 60.0
_POLL_S = 0.05


def serve(
    settings: Settings,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="where to listen; beyond this machine, with keys")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="the port; 0 is any", min=0)] = 8188,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="a name that this machine goes by; may be repeated"),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="a page that may use it from a browser, or *"),
    ] = None,
    log_requests: Annotated[
        bool, typer.Option("--log-requests", help="log every request to stderr, as lines of JSON")
    ] = False,
    log_prompts: Annotated[
        bool, typer.Option("--log-prompts", help="the same, with everything that is said to it")
    ] = False,
    otlp: Annotated[
        str, typer.Option(metavar="URL", help="a collector of OpenTelemetry's traces")
    ] = "",
) -> None:
    """Serve the team to other programs.

    Until Ctrl-C or `airunner stop`. OpenAI's, Anthropic's and Ollama's clients connect by
    changing one address. A home folder has one server. One of another --home needs another
    --port, and has models, conversations and a budget of memory of its own.
    """
    if log_requests or log_prompts:
        from airunner.server.request_log import log_json

        log_json(log_prompts)
    run_server(settings, host, port, name or (), allow_origin or (), otlp)


def run_server(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8188,
    names: Sequence[str] = (),
    origins: Sequence[str] = (),
    otlp: str = "",
    opened: Callable[[str], object] | None = None,
) -> None:
    """Serve until the process is told to stop; ``opened`` hears the address of the page.

    Raises:
        MissingPackageError: the server's libraries are not installed.
        AiRunnerError: see ``airunner.server.serving``.
    """
    if importlib.util.find_spec("fastapi") is None:
        raise MissingPackageError("the server", "server")
    with importing():
        from airunner.server.serving import Address
        from airunner.server.serving import serve as serve_at

        page = _page()

    def ready(url: str) -> None:
        keep_for_good()
        tell(f"AI Runner serves at {url}")
        people = "Open it in a browser to chat. " if page else ""
        tell(f"{people}OpenAI's clients: base_url={url}/v1. Ctrl-C or `airunner stop` ends it.")
        if opened is not None:
            opened(url)

    serve_at(settings, Address(host, port, names, origins), ready, otlp, page)


def _page() -> Page | None:
    if importlib.util.find_spec("nicegui") is None:
        return None
    from airunner.server.serving import Page
    from airunner.ui.mount import mount_page, page_alive

    return Page(mount_page, page_alive)


def stop(
    settings: Settings,
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="take this one out of memory instead")
    ] = None,
) -> None:
    """Stop the server.

    Answers in progress end first, and models are parked.
    With MODEL, only that one leaves memory; the server goes on.
    """
    from airunner.runtime.presence import find_server

    server = find_server(settings.home)
    if server is None:
        complain(f"no server runs for {settings.home}")
        raise typer.Exit(EXIT_FAILED)
    if model is not None:
        _unload(settings, model)
        return
    os.kill(server.pid, signal.SIGTERM)
    os.kill(server.pid, signal.SIGCONT)  # one that Ctrl-Z stopped hears nothing
    ends = time.monotonic() + _STOP_S
    while find_server(settings.home) == server:
        if time.monotonic() > ends:
            complain(f"process {server.pid} does not end; it may be killed")
            raise typer.Exit(EXIT_FAILED)
        time.sleep(_POLL_S)
    say(f"stopped the server at {server.url}")


def _unload(settings: Settings, name: str) -> None:
    from airunner.runtime.attaching import attach

    attached = attach(settings)
    if attached is None:
        raise typer.Exit(EXIT_FAILED)  # why it is not used has been told
    with attached:
        model, is_out = attached.unload(name)
    if not is_out:
        complain(f"{model} is in use and stays in memory; try again when its answer is over")
        raise typer.Exit(EXIT_FAILED)
    say(f"{model} has left memory")
