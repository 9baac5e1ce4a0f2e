"""The public interface of a Hugging Face hub: a question, and its answer as JSON.

Owns who is asked (``HF_ENDPOINT``, with ``HF_TOKEN`` or a login), and the bounds of what is
read: a hub may be any server that speaks its language. What is asked, and what the answer
means, is ``hub_listing``'s and ``hub_search``'s.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airunner.durations import format_seconds
from airunner.errors import DownloadCause, HubError
from airunner.errors.base import in_short
from airunner.json_schema.item_count import has_more_items
from airunner.weights.connections import Connections
from airunner.weights.fetch_problem import connection_words

if TYPE_CHECKING:
    import httpx

REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
"""What a repository may be called."""

TIMEOUT_S = 15.0
_MOST_BYTES = 8 << 20
"""The longest answer of a hub that is read."""

_MOST_ITEMS = 1_000_000
"""JSON values of an answer."""

_LONGEST_S = 60.0
"""How long an answer may take, however slowly it comes."""


@contextmanager
def hub_client(
    endpoint: str | None, connections: Connections | None = None
) -> Iterator[httpx.Client]:
    """A client of the hub at ``endpoint``, the address of a mirror; ``None`` is the user's own.

    It is broken off where the body takes longer than a minute.

    Raises:
        HubError: ``HF_HUB_OFFLINE`` is set.
    """
    import httpx
    from huggingface_hub import HfApi, constants, get_token

    where = str(HfApi(endpoint=endpoint).endpoint)
    if constants.HF_HUB_OFFLINE:
        raise HubError(where, "it is not asked, because HF_HUB_OFFLINE is set", "unreachable")
    token, connections = get_token(), connections or Connections()
    client = httpx.Client(
        base_url=where,
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=TIMEOUT_S,
        follow_redirects=True,
        event_hooks=connections.hooks,
    )
    with client, connections.ended_after(_LONGEST_S):
        yield client


def ask(client: httpx.Client, address: str, parameters: Mapping[str, Any]) -> Any:
    """The hub's answer as JSON.

    Raises:
        HubError: there is none, or none that may be read.
    """
    import httpx

    where = str(client.base_url)
    content, until_s = bytearray(), time.monotonic() + _LONGEST_S
    try:
        # Raw: what is compressed, and compressed again, has no bound when it is decoded.
        plain = {"Accept-Encoding": "identity"}
        with client.stream("GET", address, params=dict(parameters), headers=plain) as response:
            if not response.is_success:
                raise _refusal(where, response.status_code)
            encoding = response.headers.get("Content-Encoding", "identity")
            if encoding != "identity":
                problem = f"its answer is packed with {in_short(encoding)}, which was not asked for"
                raise HubError(where, problem)
            for chunk in response.iter_raw():
                content += chunk
                if len(content) > _MOST_BYTES:
                    raise HubError(where, "its answer is too long")
                if time.monotonic() > until_s:
                    problem = f"it had not sent everything after {format_seconds(_LONGEST_S)}"
                    raise HubError(where, problem, "unreachable")
        if has_more_items(content, _MOST_ITEMS):
            raise HubError(where, "its answer is too long")
        return json.loads(content)
    except httpx.TransportError as error:
        problem = f"it cannot be reached: {connection_words(error)}; check the connection"
        raise HubError(where, problem, "unreachable") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
        raise HubError(where, f"its answer cannot be read: {error}") from error


def _refusal(where: str, status: int) -> HubError:
    causes: dict[int, DownloadCause] = {401: "denied", 403: "denied", 404: "not_found"}
    words = {
        "denied": "it lets nobody in without permission; set HF_TOKEN",
        "not_found": "it knows no such repository",
    }
    cause = causes.get(status, "unreachable" if status >= 429 else "")
    return HubError(where, words.get(cause, f"it answers with HTTP {status}"), cause)
