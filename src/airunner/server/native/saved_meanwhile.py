"""What a turn has come to is saved while it goes on, so that a crash keeps its words.

Owns when: a while after there was something new, and at most so often. What is saved, and
how, is the caller's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

EVERY_S = 2.0
"""The least time between two saves, and so much of an answer a crash takes at most."""


@asynccontextmanager
async def saved_meanwhile(
    save: Callable[[], Awaitable[None]], every_s: float = EVERY_S
) -> AsyncIterator[Callable[[], None]]:
    """Call ``save`` ``every_s`` after the first news; the body gets what tells of some.

    A save that has begun is over when the body's end is; none begins later.
    """
    news, ended = asyncio.Event(), asyncio.Event()

    async def keep() -> None:
        while not ended.is_set():
            await news.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), every_s)
            news.clear()
            if not ended.is_set():
                await save()

    keeping = asyncio.create_task(keep(), name="a turn is saved meanwhile")
    try:
        yield news.set
    finally:
        ended.set()
        news.set()
        await keeping
