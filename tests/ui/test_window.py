"""What a tab shows is what was read last."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from airunner.ui.window import in_order


class Shelf:
    """Shows what it holds when it is read; each reading ends when it is let."""

    def __init__(self) -> None:
        self.holds, self.shown = "", list[str]()
        self.may_end: list[asyncio.Event] = []

    @in_order
    async def refresh(self) -> None:
        """Read it and show it."""
        read, may_end = self.holds, asyncio.Event()
        self.may_end.append(may_end)
        await may_end.wait()
        self.shown.append(read)


def test_a_reading_that_takes_long_is_not_shown_after_a_later_one() -> None:
    async def main() -> None:
        shelf, other = Shelf(), Shelf()
        shelf.holds = "old"
        first = asyncio.create_task(shelf.refresh())
        await asyncio.sleep(0)
        shelf.holds = "new"
        second, apart = asyncio.create_task(shelf.refresh()), asyncio.create_task(other.refresh())
        await asyncio.sleep(0)
        assert (len(shelf.may_end), len(other.may_end)) == (1, 1)
        for each in (*other.may_end, *shelf.may_end):
            each.set()
        await asyncio.gather(first, apart)
        await asyncio.sleep(0)
        shelf.may_end[1].set()
        await second
        assert shelf.shown == ["old", "new"]

    with ThreadPoolExecutor(1) as pool:  # a browser's loop may run in this one
        pool.submit(asyncio.run, main()).result()
