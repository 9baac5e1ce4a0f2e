"""Work that the server does for a program, which hears of it meanwhile.

Owns how a stream of pieces becomes events and a result. Turns are ``attached_turn``'s.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from typing import Any

from airunner.errors import GenerationError, ServerGoneError
from airunner.events import Event
from airunner.events.reading import event_from_json
from airunner.runtime.native_client import NativeClient, Piece, failure_in


def attached_work(
    client: NativeClient, path: str, body: Any, tell: Callable[[Event], None]
) -> Generator[Event, None, Any]:
    """Have something done; tells and yields what happens, and returns the result.

    Raises:
        AiRunnerError: what the server raised.
        ServerGoneError: it ended in the middle.
        GenerationError: the work was broken off.
    """
    with client.stream(path, body) as pieces:
        for piece in pieces:
            if piece.name == "result":
                return piece.value
            if (event := _event_in(piece)) is not None:
                tell(event)
                yield event
    raise ServerGoneError(client.server.url, "it ended in the middle")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of work, as its last event."""

    value: Any


async def work_from_loop(
    client: NativeClient, path: str, body: Any, tell: Callable[[Event], None]
) -> AsyncGenerator[Event | Result, None]:
    """The same for somebody's event loop, with the result at last; cancelling breaks it off."""
    async with client.stream_from_loop(path, body) as pieces:
        async for piece in pieces:
            if piece.name == "result":
                yield Result(piece.value)
                return
            if (event := _event_in(piece)) is not None:
                tell(event)
                yield event
    raise ServerGoneError(client.server.url, "it ended in the middle")


def _event_in(piece: Piece) -> Event | None:
    match piece.name:
        case "begun":
            return None
        case "error":
            raise failure_in(piece.value)
        case "cancelled":
            raise GenerationError("the server", "it was broken off")
    return event_from_json(piece.value)


def end_of(events: Generator[Event, None, Any]) -> Any:
    """What a generator returns, once all that it yields has been passed by."""
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value
