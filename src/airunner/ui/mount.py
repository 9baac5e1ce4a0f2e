"""The page on the server's application: its addresses, its files, and what a browser may do.

Owns the Content-Security-Policy. A page of ours loads nothing from elsewhere and submits no
form, whatever a model's answer, a tool's result or a file's name has put into it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from nicegui import Client, ui
from nicegui import app as pages
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airunner.errors import NotAManagerError
from airunner.resources.visitor import current_visitor
from airunner.server.native.services import Services
from airunner.server.problems import Problem, code_of
from airunner.ui.chat.page import show_conversation
from airunner.ui.frame import Place, build_frame
from airunner.ui.memory.page import show_memory
from airunner.ui.models.page import ADDRESS, show_models
from airunner.ui.notes.page import NOTES
from airunner.ui.pictures.page import show_pictures
from airunner.ui.settings.page import SETTINGS_PAGE
from airunner.ui.sign_in import add_sign_in
from airunner.ui.specialists.page import SPECIALISTS

STATIC = Path(__file__).parent / "static"
START = "/chat"
VIEWPORT = "width=device-width, initial-scale=1, interactive-widget=resizes-content"
"""A phone's keyboard makes the page smaller, and lies over none of it."""
RECONNECT_S = 60.0
"""How long a window may be offline without being loaded anew, its draft lost."""
KEPT_UPDATES = 4000
"""Updates that are kept for a window that is offline."""

# Vue compiles its templates in the browser, which needs 'unsafe-eval'.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_NO_MANAGER = (
    "<!doctype html><p>This key may not manage this server. Ask its owner for one that may."
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def mount_page(app: FastAPI, services: Services) -> None:
    """Put the page at ``/``, under all that ``app`` serves already; once a process.

    What programs ask and no route serves is ``server.addresses``'.
    """
    pages.add_static_files("/static", STATIC, max_cache_age=3600)
    pages.config.quasar_config["loadingBar"]["skipHijack"] = True  # no bar without a name
    _register(services)
    add_sign_in(app, START)
    ui.run_with(
        app,
        title="AI Runner",
        favicon=STATIC / "icon.svg",
        viewport=VIEWPORT,
        dark=None,
        language="en-US",
        reconnect_timeout=RECONNECT_S,
        message_history_length=KEPT_UPDATES,
        tailwind=False,
        show_welcome_message=False,
    )
    pages.storage.max_tab_storage_age = RECONNECT_S  # nothing is kept there, for 30 days else
    app.add_middleware(PagePolicy)
    app.state.page = START


def _places(services: Services) -> tuple[Place, ...]:
    """The navigation, in its order."""
    return (
        Place(
            "Chat",
            "chat_bubble_outline",
            ("/chat", "/chat/{id}"),
            lambda id=None: show_conversation(services, id),
        ),
        Place(
            "Pictures",
            "image",
            ("/pictures", "/pictures/{name}"),
            lambda name="": show_pictures(services, name),
        ),
        Place("Memory", "memory", ("/memory",), lambda: show_memory(services)),
        Place(
            "Notes",
            "sticky_note_2",
            ("/notes", "/notes/{part}"),
            lambda part="": NOTES.show(services, part),
        ),
        Place(
            "Settings",
            "settings",
            ("/settings", "/settings/{part}"),
            lambda part="": SETTINGS_PAGE.show(services, part),
        ),
        Place(
            "Download Models",
            "download",
            (ADDRESS, ADDRESS + "/{part}"),
            lambda part="": show_models(services, part),
            group="Tools",
        ),
        Place(
            "Specialists",
            "handyman",
            ("/specialists", "/specialists/{part}"),
            lambda part="": SPECIALISTS.show(services, part),
            group="Tools",
        ),
    )


def _register(services: Services) -> None:
    """One function behind all addresses, also those where nothing is; see ``frame``."""
    places = _places(services)

    def tab() -> None:
        build_frame(services, places, known=True)

    for place in places:
        for path in place.paths:
            ui.page(path, dependencies=[Depends(_let_in)])(tab)

    async def unknown(request: Request, error: Exception) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            path = request.url.path
            return Problem(404, f"{path} is not here.", code=code_of(404)).response(path)
        if not current_visitor().manages:
            return await refused(request, error)
        with Client(ui.page(""), request=request) as client:
            build_frame(services, places, known=False)
        return client.build_response(request, 404)

    async def refused(request: Request, _: Exception) -> Response:
        return HTMLResponse(_NO_MANAGER, 403)

    pages.add_exception_handler(404, unknown)
    pages.add_exception_handler(NotAManagerError, refused)


def _let_in() -> None:
    """Asked before anything is made that a page would keep."""
    if not current_visitor().manages:
        raise NotAManagerError(current_visitor().name)


@asynccontextmanager
async def page_alive(app: FastAPI) -> AsyncIterator[None]:
    """Serve the page during the body: what a server that runs lifespans would do."""
    async with app.router.lifespan_context(app):
        yield


class PagePolicy:
    """Middleware that tells browsers what a page of ours may do."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to pages."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.update(_HEADERS)
            await send(message)

        await self._app(scope, receive, sent if scope["type"] == "http" else send)
