"""Routes whose handler takes the body and the request, and nothing else.

Owns that such a request goes straight to its handler. FastAPI looks at each request for
parameters, dependencies, forms and files that these routes have none of, which is a fifth of
all that is done in Python before a model is asked. What cannot be read so is left to FastAPI,
which then says what is wrong with it.
"""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.types import Message, Receive, Scope, Send

_JSON = "application/json"


class BodyRoute(APIRoute):
    """See the module's description. Its handler returns a response."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body as the model that the handler takes, and answer."""
        request = Request(scope, receive, send)
        if self.body_field is None or not _is_json(request):
            await super().handle(scope, receive, send)
            return
        form: type[BaseModel] = self.body_field.field_info.annotation  # type: ignore[assignment]
        body = await request.body()
        try:
            asked = form.model_validate_json(body)
        except ValidationError:
            await super().handle(scope, _once_more(body, receive), send)
            return
        response = await self.endpoint(asked, request)
        await response(scope, receive, send)


def add_routes(app: FastAPI, routes: APIRouter) -> None:
    """Add routes as they are: a router that is included is looked through for each request."""
    app.router.routes.extend(routes.routes)


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0] == _JSON


def _once_more(body: bytes, receive: Receive) -> Receive:
    """Receives a body that was received already, and then what follows."""
    is_left = True

    async def again() -> Message:
        nonlocal is_left
        if not is_left:
            return await receive()
        is_left = False
        return {"type": "http.request", "body": body, "more_body": False}

    return again
