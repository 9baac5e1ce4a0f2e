from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest

from airunner.engines.base import Displaced, SlotClaim
from airunner.engines.slots import SlotTable, Wait


async def use(table: SlotTable, conversation: str | None) -> SlotClaim:
    async with table.hold(conversation) as claim:
        return claim


def test_a_conversation_keeps_its_slot_and_the_oldest_makes_room() -> None:
    async def main() -> None:
        table = SlotTable(2)
        assert await use(table, "a") == SlotClaim(0, resident=False)
        assert await use(table, "b") == SlotClaim(1, resident=False)
        assert await use(table, "a") == SlotClaim(0, resident=True)
        assert await use(table, "c") == SlotClaim(1, resident=False, displaced="b")
        assert table.live() == {"a": 0, "c": 1}
        assert await use(table, "c") == SlotClaim(1, resident=True)
        assert await use(table, "b") == SlotClaim(0, resident=False, displaced="a")

    asyncio.run(main())


def test_who_was_answered_once_makes_room_before_those_that_somebody_came_back_to() -> None:
    async def main() -> None:
        table = SlotTable(2)
        for conversation in ("a", "a", "title"):
            await use(table, conversation)
        claim = await use(table, "tags")
        assert (claim.displaced, claim.continued) == ("title", False)
        await use(table, "b")
        table.note_continued("b", True)  # it was brought in for somebody who came back to it
        claim = await use(table, "c")
        assert (claim.displaced, claim.continued) == ("a", True)
        assert [each.conversation for each in table.residents()] == ["b", "c"]

    asyncio.run(main())


def test_a_request_of_no_conversation_spares_the_others_and_leaves_its_slot_empty() -> None:
    async def main() -> None:
        table = SlotTable(2)
        await use(table, "a")
        assert await use(table, None) == SlotClaim(1, resident=False)
        assert table.live() == {"a": 0}
        await use(table, "b")
        assert await use(table, None) == SlotClaim(0, resident=False, displaced="a")
        assert table.live() == {"b": 1}

    asyncio.run(main())


def test_a_busy_conversation_is_waited_for_even_when_another_slot_is_idle() -> None:
    async def main() -> None:
        table = SlotTable(2)
        async with table.hold("a") as first:
            second = asyncio.create_task(use(table, "a"))
            await asyncio.sleep(0)
            assert not second.done()
            assert (await use(table, "b")).slot != first.slot
        assert await second == SlotClaim(first.slot, resident=True)

    asyncio.run(main())


def test_waiting_is_first_come_first_served() -> None:
    async def main() -> None:
        table = SlotTable(1)
        order: list[str] = []

        async def turn(conversation: str) -> None:
            async with table.hold(conversation):
                order.append(conversation)
                await asyncio.sleep(0)

        async with table.hold("first"):
            waiting = [asyncio.create_task(turn(name)) for name in ("b", "c", "b", "d")]
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        assert order == ["b", "c", "b", "d"]

    asyncio.run(main())


def test_cancelling_gives_back_what_was_waited_for_and_what_was_just_granted() -> None:
    async def main() -> None:
        table = SlotTable(1)
        async with AsyncExitStack() as held:
            await held.enter_async_context(table.hold("a"))
            waiting = asyncio.create_task(use(table, "b"))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            granted = asyncio.create_task(use(table, "c"))
            await asyncio.sleep(0)
        # The slot is granted now, but the task has not run since: cancel it in between.
        granted.cancel()
        with pytest.raises(asyncio.CancelledError):
            await granted
        assert (await asyncio.wait_for(use(table, "d"), 300)).slot == 0

    asyncio.run(main())


def test_an_error_in_the_body_gives_the_slot_back() -> None:
    async def main() -> None:
        table = SlotTable(1)
        with pytest.raises(ZeroDivisionError):
            async with table.hold("a"):
                raise ZeroDivisionError
        assert await asyncio.wait_for(use(table, "a"), 300) == SlotClaim(0, resident=True)

    asyncio.run(main())


def test_a_forgotten_conversation_is_resident_nowhere_and_its_waiters_move_on() -> None:
    async def main() -> None:
        table = SlotTable(2)
        async with table.hold("a") as claim:
            waiting = asyncio.create_task(use(table, "a"))
            await asyncio.sleep(0)
            table.forget("a")
            other = await asyncio.wait_for(waiting, 300)
            assert other.slot != claim.slot
            assert not other.resident
        assert table.live() == {"a": other.slot}

    asyncio.run(main())


def test_a_higher_priority_goes_first_and_equal_ones_by_arrival() -> None:
    async def main() -> None:
        table, order = SlotTable(1), list[str]()

        async def wait(name: str, priority: int) -> None:
            async with table.hold(name, priority):
                order.append(name)

        asked = [("a", 0), ("low", -1), ("high", 1), ("b", 0), ("higher", 1)]
        async with table.hold(None):
            waiting = [asyncio.create_task(wait(*each)) for each in asked]
            await asyncio.sleep(0)
            assert order == []
        await asyncio.gather(*waiting)
        assert order == ["high", "higher", "a", "b", "low"]

    asyncio.run(main())


def test_who_waits_is_told_the_place_and_the_time_and_again_when_it_moves_up() -> None:
    async def main() -> None:
        now_s, heard = [0.0], list[Wait]()
        table = SlotTable(1, clock=lambda: now_s[0])

        async def wait(name: str, told: Callable[[Wait], object] | None) -> None:
            async with table.hold(name, told=told):
                pass

        async with table.hold("a"):
            first = asyncio.create_task(wait("b", None))
            second = asyncio.create_task(wait("c", heard.append))
            await asyncio.sleep(0)
            assert heard == [Wait(2, None)]
            now_s[0] = 10.0
        await asyncio.gather(first, second)
        assert heard[0] == Wait(2, None)
        async with table.hold("a"):
            last = asyncio.create_task(wait("d", heard.append))
            await asyncio.sleep(0)
            assert heard[-1].ahead == 1
            assert heard[-1].wait_s is not None
        await last
        assert [each for each in heard if not each.ahead] == [Wait(0, 0.0)] * 2
        assert not heard[-1].ahead
        heard.clear()
        await wait("d", heard.append)
        assert heard == []

    asyncio.run(main())


async def hold_until(
    table: SlotTable, conversation: str | None, tokens: int, done: asyncio.Event
) -> SlotClaim:
    async with table.hold(conversation, tokens=tokens) as claim:
        await done.wait()
        return claim


def test_slots_share_a_context_and_the_idle_make_room() -> None:
    async def main() -> None:
        table = SlotTable(3, shared_tokens=16_000)
        # "b" was come back to, and both together hold what idle slots may.
        for conversation, tokens in (("a", 400), ("b", 500), ("b", 600)):
            async with table.hold(conversation, tokens=5000) as claim:
                assert claim.crowded_out == ()
            table.note_tokens(claim.slot, tokens)
        async with table.hold("c", tokens=15_100) as claim:
            assert claim.crowded_out == (Displaced(0, "a", False),)
            async with table.hold("b", tokens=500):
                waiting = asyncio.create_task(use(table, "d"))
                await asyncio.sleep(0)
                assert not waiting.done(), "the slot is still being emptied"
                table.emptied(0)
                assert (await waiting).slot == 0
        assert set(table.live()) == {"b", "c", "d"}
        async with table.hold("b", tokens=16_000) as whole:
            assert [each.conversation for each in whole.crowded_out] == ["c"], "d has no tokens"

    asyncio.run(main())


def test_idle_slots_hold_no_more_than_little_costs_the_others() -> None:
    async def main() -> None:
        table = SlotTable(4, shared_tokens=16_000)
        async with table.hold("a", tokens=900), table.hold("b", tokens=200) as second:
            assert second.crowded_out == (), "both are busy"
        async with table.hold("c", tokens=100) as claim:
            assert claim.crowded_out == (Displaced(0, "a", False),)

    asyncio.run(main())


def test_who_needs_more_than_is_left_waits_and_is_not_passed() -> None:
    async def main() -> None:
        table, first, rest = SlotTable(3, shared_tokens=1000), asyncio.Event(), asyncio.Event()
        rest.set()
        busy = asyncio.create_task(hold_until(table, "a", 600, first))
        await asyncio.sleep(0)
        long = asyncio.create_task(hold_until(table, "b", 500, rest))
        short = asyncio.create_task(hold_until(table, "c", 100, rest))
        await asyncio.sleep(0)
        assert table.waiting == 2
        first.set()
        await asyncio.gather(busy, long, short)
        assert (await long).crowded_out == (Displaced(0, "a", False),)

    asyncio.run(main())


def test_what_was_to_be_emptied_is_free_again_when_its_claim_ends() -> None:
    async def main() -> None:
        table = SlotTable(2, shared_tokens=1000)
        async with table.hold("a", tokens=800):
            pass
        async with table.hold("b", tokens=800) as claim:
            assert claim.crowded_out
        async with table.hold("c", tokens=1000) as claim:
            assert {each.slot for each in claim.crowded_out} | {claim.slot} == {0, 1}

    asyncio.run(main())


def test_a_slot_that_answered_to_an_empty_prompt_holds_what_it_held() -> None:
    async def main() -> None:
        table = SlotTable(2, shared_tokens=1000)
        async with table.hold("a", tokens=10) as claim:
            pass
        table.note_tokens(claim.slot, 0)
        async with table.hold("b", tokens=1000) as whole:
            assert whole.crowded_out == (Displaced(claim.slot, "a", False),)

    asyncio.run(main())
