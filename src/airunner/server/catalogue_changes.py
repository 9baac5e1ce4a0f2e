"""What another process registers while the server runs, known to the next request.

Owns when the configuration file is looked at again: before a request is served, which costs
one look at the file's date. Taking its entries over is ``runtime.model_catalogue``'s.
"""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from airunner.runtime.model_catalogue import ModelCatalogue


class CatalogueChanges:
    """The middleware; see the module's description."""

    def __init__(self, app: ASGIApp, catalogue: ModelCatalogue) -> None:
        self._app, self._catalogue = app, catalogue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request by what is registered now."""
        if scope["type"] == "http" and self._catalogue.is_outdated():
            await asyncio.to_thread(self._catalogue.read_again)
        await self._app(scope, receive, send)
