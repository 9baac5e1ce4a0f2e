"""What is read of a hub's answer: plain, so much, and for so long.

Owns those bounds, also for ``huggingface_hub``, which has none: a listing without an end would
be read until the memory is full. What answers mean is ``hub``'s, ``hub_listing``'s and
``hub_search``'s.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any

from airunner.errors import HubError
from airunner.errors.base import in_short
from airunner.json_schema.item_count import has_more_items

MOST_BYTES = 16_000_000
"""The longest answer: a repository of 50,000 files has as much."""

MOST_ITEMS = 1_000_000
"""JSON values of an answer."""

LONGEST_S = 60.0
"""How long an answer may take, however slowly it comes."""

_TIMEOUT_S = 30.0


def model_info(repo: str, revision: str, endpoint: str | None) -> Any:
    """The listing of ``repo`` as ``huggingface_hub`` gives it; blocks, for ``LONGEST_S`` at most.

    Raises:
        HubError: the answer is packed, too long, or takes too long.
        Exception: whatever the client of the hub raises.
    """
    from huggingface_hub import HfApi

    hub = HfApi(endpoint=endpoint, headers={"Accept-Encoding": "identity"})
    _bound_session()
    return hub.model_info(repo, revision=revision, files_metadata=True, timeout=_TIMEOUT_S)


def _bound_session() -> None:
    from huggingface_hub import get_session

    session = get_session()
    hooks = getattr(session, "event_hooks", None)  # versions before 1.0 have none
    if hooks is not None and _bound not in hooks["response"]:
        session.event_hooks = {**hooks, "response": [*hooks["response"], _bound]}


def _bound(response: Any) -> None:
    """Called with the head of an answer, before its body is read."""
    given = response.stream
    try:
        content = bounded_body(response)
    finally:
        given.close()
    # Which HTTP library it is differs between versions of the client.
    library = import_module(type(response).__module__.partition(".")[0])
    response.stream = library.ByteStream(content)


def bounded_body(response: Any) -> bytes:
    """The body of a hub's answer, a response of ``httpx`` of which only the head has been read.

    Raises:
        HubError: it is packed, too long, has too many values, or takes too long.
        httpx.TransportError: the connection broke.
    """
    where = str(response.url.host)
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        problem = f"its answer is packed with {in_short(encoding)}, which was not asked for"
        raise HubError(where, problem)
    content, until_s = bytearray(), time.monotonic() + LONGEST_S
    for piece in response.stream:
        content += piece
        if len(content) > MOST_BYTES:
            raise HubError(where, "its answer is too long")
        if time.monotonic() > until_s:
            raise HubError(where, f"it had not sent everything after {LONGEST_S:g} s")
    if has_more_items(content, MOST_ITEMS):
        raise HubError(where, "its answer is too long")
    return bytes(content)
