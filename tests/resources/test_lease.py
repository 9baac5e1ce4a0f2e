"""Waiting for a model, and the conversations in its slots, on the fake engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.resources.fake_team import FakeTeam, fake_team, say, until

from airunner.engines.base import ChatRequest
from airunner.errors import (
    GenerationError,
    LeaseRefusedError,
    LeaseTimeoutError,
    StorageError,
)
from airunner.events import (
    CacheLost,
    CacheProven,
    MemoryAwaited,
    ModelParked,
    ModelRestored,
    ParkingFailed,
    SlotAwaited,
)
from airunner.messages import Message
from airunner.models.spec import Sampling

LONG = "one two three four five six seven eight nine ten"


def test_a_model_that_arrives_serves_all_that_wait_and_nobody_overtakes_its_coming(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            served: list[str] = []

            async def use(model: str, owner: str) -> None:
                async with team.lease(model, owner):
                    served.append(owner)

            async with team.lease("primary", "holder"):
                for number, model in enumerate(["coder", "primary", "coder", "primary"]):
                    waiter = asyncio.create_task(use(model, f"{number} {model}"))
                    await until(lambda n=number: len(team.decisions("hold")) > n)  # type: ignore[misc]
                    assert not waiter.done()
            await until(lambda: len(served) == 4)
            assert served == ["0 coder", "2 coder", "1 primary", "3 primary"]

    asyncio.run(main())


def test_a_cancelled_wait_is_forgotten_and_the_next_is_served(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            async with team.lease("primary", "holder"):
                waiting = asyncio.create_task(team.use("coder", owner="gone"))
                await until(lambda: ("hold", "coder") in team.decisions())
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                await team.use("primary", owner="next")
            await team.settle()
            assert "load coder" not in team.journal

    asyncio.run(main())


def test_a_load_that_nobody_waits_for_any_more_gives_its_memory_to_who_needs_it(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            team.launcher.script("coder").loading.close()
            gone = asyncio.create_task(team.use("coder"))
            await team.launcher.script("coder").loading.reached()
            gone.cancel()
            await asyncio.wait([gone])
            await team.use("primary")
            await team.settle()
            assert team.journal == ["load coder", "load primary", "chat primary"]
            assert team.launcher.alive == ["primary"]

    asyncio.run(main())


def test_a_lease_cancelled_in_the_instant_of_its_grant_is_given_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            loading = team.launcher.script("primary").loading
            loading.close()
            waiting = asyncio.create_task(team.use("primary"))
            await loading.reached()
            team.bus.subscribe(
                lambda event: waiting.cancel() if getattr(event, "action", "") == "grant" else None
            )
            loading.open()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await team.settle()
            assert team.manager.status().models[0].leases == 0
            assert team.state("primary") == "ready"

    asyncio.run(main())


def test_a_wait_that_takes_too_long_ends_and_leaves_no_claim(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            async with team.lease("primary", "holder"):
                with pytest.raises(LeaseTimeoutError) as caught:
                    async with team.lease("coder", "hasty", timeout_s=0.0):
                        pass
                assert (caught.value.model, caught.value.waited_s) == ("coder", 0.0)
                assert "70 bytes of memory are held by primary" in str(caught.value)
            (told,) = team.of(MemoryAwaited)
            assert (told.owner, told.model, told.models) == ("hasty", "coder", ("primary",))
            assert (told.holder, told.held_bytes) == (0, 70)
            assert told.wait_s is not None
            assert 1 <= told.wait_s <= 6  # a load, and what is left of a lease of five
            await team.settle()
            assert "load coder" not in team.journal

    asyncio.run(main())


def test_nobody_waits_for_what_is_his_own(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            async with team.lease("primary", "holder"), team.lease("small", "hasty"):
                with pytest.raises(LeaseTimeoutError):
                    async with team.lease("coder", "hasty", timeout_s=0.0):
                        pass
            (told,) = team.of(MemoryAwaited)
            assert (told.models, told.held_bytes) == (("primary",), 70)
            await team.settle()

    asyncio.run(main())


def test_two_hundred_queued_requests_are_all_answered(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            models = ("primary", "coder", "small", "small")
            work = [team.use(models[n % 4], owner=str(n)) for n in range(200)]
            usages = await asyncio.gather(*work)
            assert len(usages) == 200
            await team.settle()
            assert team.state("primary") == "ready"
            chats = [step for step in team.journal if step.startswith("chat")]
            assert len(chats) == 200

    asyncio.run(main())


def test_a_full_queue_refuses_at_once_and_serves_who_waits(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, queue_limit=2) as team:
            async with team.lease("primary", "holder"):
                waiting = [asyncio.create_task(team.use("coder", owner=str(n))) for n in range(2)]
                await until(lambda: len(team.decisions("hold")) == 2)
                with pytest.raises(LeaseRefusedError, match="2 requests are waiting already") as no:
                    await team.use("coder", owner="too many")
                assert no.value.deficit_bytes == 60 - (100 - 70)
                assert no.value.eta_s == 1 + 2 * 5  # a load and two leases, of guessed lengths
            await asyncio.gather(*waiting)

    asyncio.run(main())


def test_a_full_queue_for_a_models_slots_refuses_at_once_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, queue_limit=2) as team, team.lease("small") as lease:
            async with lease.slot():
                waiting = [asyncio.create_task(say(lease, str(n))) for n in range(2)]
                await until(lambda: lease._loaded.slots.waiting == 2)
                with pytest.raises(LeaseRefusedError, match="2 requests are waiting") as refused:
                    await say(lease, "too many")
                assert refused.value.eta_s == 5 * 3
                seen = team.manager.status().waiting
                assert [(each.model, each.place, each.eta_s) for each in seen] == [
                    ("small", 1, 5.0),
                    ("small", 2, 10.0),
                ]
            assert len(await asyncio.gather(*waiting)) == 2
            assert not team.manager.status().waiting
            told = [(each.model, each.ahead) for each in team.of(SlotAwaited)]
            assert told[:2] == [("small", 1), ("small", 2)]

    asyncio.run(main())


def test_the_models_sampling_fills_what_the_request_leaves_open(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            seen: list[ChatRequest] = []

            def answer(request: ChatRequest) -> str:
                seen.append(request)
                return "yes"

            team.launcher.script("small").answer = answer
            sized = team.sized("small", sampling=Sampling(temperature=0.7, top_k=20))
            async with team.manager.lease(sized, owner="turn") as lease:
                request = ChatRequest([Message("user", "hi")], temperature=0.0)
                async for _ in lease.chat(request):
                    pass
                assert await lease.count_tokens([Message("user", "two words")]) == 2
                assert await lease.embed(["a b c"]) == [[3.0]]
                assert lease.n_ctx == 4096
            assert (seen[0].temperature, seen[0].top_k, seen[0].top_p) == (0.0, 20, None)

    asyncio.run(main())


# Conversations in slots.


def test_a_conversation_that_another_displaces_is_parked_and_comes_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG, "first")
            await team.talk("something else entirely", "second")
            assert (await team.talk(f"{LONG} a fake answer", "first")).cached_tokens == 13
            (proven,) = team.of(CacheProven)
            assert (proven.conversation, proven.restored_tokens) == ("first", 13)
            assert [e.conversation for e in team.of(ModelRestored)] == ["first"]
            assert team.journal.count("save primary") == 2

    asyncio.run(main())


def test_with_two_slots_two_conversations_are_parked_and_restored(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, n_parallel=2) as team:
            await team.talk(LONG, "first")
            await team.talk("something else entirely", "second")
            assert "save primary" not in team.journal
            await team.use("coder")
            await team.settle()
            (parked,) = team.of(ModelParked)
            assert (parked.conversations, parked.tokens) == (2, 13 + 6)
            for conversation, text in (("first", LONG), ("second", "something else entirely")):
                assert (await team.talk(text, conversation)).cached_tokens == len(text.split())
            assert len(team.of(CacheProven)) == 2

    asyncio.run(main())


async def swap(team: FakeTeam) -> None:
    """Away from the primary and back."""
    await team.use("coder")
    await team.settle()


def test_an_engine_that_claims_a_restore_and_forgot_is_found_out(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG)
            team.launcher.script("primary").forgets = True
            await swap(team)
            assert (await team.talk(LONG)).cached_tokens == 0
            assert team.of(CacheProven) == []
            (lost,) = team.of(CacheLost)
            assert (lost.conversation, lost.cached_tokens, lost.restored_tokens) == ("chat", 0, 13)

    asyncio.run(main())


def test_a_state_that_cannot_be_restored_costs_a_prompt_and_no_more(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG)
            team.launcher.script("primary").restore_error = GenerationError("primary", "damaged")
            await swap(team)
            assert team.state("primary") == "ready"
            (lost,) = team.of(CacheLost)
            assert "damaged" in lost.reason
            assert (await team.talk(LONG)).prompt_tokens == 10
            await swap(team)
            assert team.journal.count("restore primary") == 2, "and the next one is parked again"

    asyncio.run(main())


def test_a_conversation_that_cannot_be_parked_is_said_and_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG)
            full = StorageError("somewhere", "No space left on device")
            team.launcher.script("primary").save_error = full
            await swap(team)
            (failed,) = team.of(ParkingFailed)
            assert (failed.conversation, failed.problem) == ("chat", str(full))
            assert team.journal.count("save primary") == 2, "memory, then disk"
            assert "restore primary" not in team.journal
            assert (await team.talk(LONG)).cached_tokens == 0

    asyncio.run(main())


def test_without_room_in_any_tier_nothing_is_saved(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, parking_bytes=100) as team:
            await team.talk(LONG)
            await swap(team)
            (failed,) = team.of(ParkingFailed)
            assert failed.problem == "no parking tier has room for it"
            assert "save primary" not in team.journal

    asyncio.run(main())


def test_a_state_that_outgrows_the_first_tier_tries_the_next(tmp_path: Path) -> None:
    """What a conversation will take is estimated; the quota holds for what it took."""

    async def main() -> None:
        async with fake_team(tmp_path, parking_bytes=60, kv_bytes_per_token=1) as team:
            await team.talk(LONG)
            await swap(team)
            assert team.journal.count("save primary") == 2
            (failed,) = team.of(ParkingFailed)
            assert "exceed the quota of the disk tier" in failed.problem

    asyncio.run(main())


def test_a_request_cancelled_while_its_state_is_restored_loses_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG, "first")
            await team.talk("something else entirely", "second")
            restoring = team.launcher.script("primary").restoring
            restoring.close()
            asking = asyncio.create_task(team.talk(LONG, "first"))
            await restoring.reached()
            asking.cancel()
            await asyncio.wait([asking])
            restoring.open()
            assert (await team.talk(LONG, "first")).cached_tokens == 10
            assert [e.conversation for e in team.of(CacheProven)] == ["first"]
            assert team.of(CacheLost) == []

    asyncio.run(main())


def test_a_cancelled_answer_frees_its_slot_and_keeps_its_prompt(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            answering = team.launcher.script("primary").answering
            answering.close()
            asking = asyncio.create_task(team.talk(LONG))
            await answering.reached()
            asking.cancel()
            await asyncio.wait([asking])
            answering.open()
            assert (await team.talk(LONG)).cached_tokens == 10
            await team.settle()

    asyncio.run(main())


def test_requests_for_one_conversation_take_turns(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, n_parallel=2) as team:
            async with team.lease("primary", "a") as one, team.lease("primary", "b") as other:
                answers = await asyncio.gather(say(one, LONG, "chat"), say(other, LONG, "chat"))
            assert [u.cached_tokens for u in answers] == [0, 10]

    asyncio.run(main())
