"""The beginning that conversations share, on the fake engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from benchmarks.fake_engine import Script
from tests.resources.fake_team import FakeTeam, fake_team, until

from airunner.engines.base import ChatRequest
from airunner.errors import GenerationError, StorageError
from airunner.events import (
    BeginningKept,
    BeginningRestored,
    CacheLost,
    CacheProven,
    ModelParked,
    ModelRestored,
    ParkingFailed,
    WorkerDied,
)
from airunner.messages import Message, ToolSchema, Usage
from airunner.resources.beginnings import KEPT_PER_MODEL

RULES = Message("system", " ".join(f"rule-{n}" for n in range(300)))
OTHER_RULES = Message("system", " ".join(f"law-{n}" for n in range(300)))
CLOCK = ToolSchema("clock", "The time.")
BEGINNING = 300 + 3


async def begin(
    team: FakeTeam,
    conversation: str | None,
    *said: str,
    system: Message = RULES,
    thinking: bool | None = None,
) -> Usage:
    """A request with a system prompt and a tool; user and assistant take turns in ``said``."""
    spoken = [
        Message("assistant" if n % 2 else "user", text) for n, text in enumerate(said or ("hello",))
    ]
    request = ChatRequest(
        [system, *spoken], tools=[CLOCK], thinking=thinking, conversation=conversation
    )
    usage = None
    async with team.lease("primary") as lease:
        async for delta in lease.chat(request):
            usage = delta.usage or usage
    assert usage is not None
    return usage


async def swap(team: FakeTeam) -> None:
    """Away from the primary and back."""
    await team.use("coder")
    await team.settle()


def steps(team: FakeTeam, step: str) -> int:
    return team.journal.count(f"{step} primary")


def test_every_new_conversation_is_given_what_the_first_one_read(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            assert (await begin(team, "first")).cached_tokens == 0, "just read"
            (kept,) = team.of(BeginningKept)
            assert (kept.model, kept.tokens) == ("primary", BEGINNING)
            for conversation in ("second", "third"):
                await team.use("primary", "something else in the same slot")
                assert (await begin(team, conversation)).cached_tokens == BEGINNING
            assert steps(team, "read") == 1
            restored = team.of(BeginningRestored)
            assert [(e.conversation, e.tokens) for e in restored] == [
                ("second", BEGINNING),
                ("third", BEGINNING),
            ]
            assert [e.conversation for e in team.of(CacheProven)] == ["second", "third"]
            assert team.of(CacheLost) == team.of(ParkingFailed) == []

    asyncio.run(main())


def test_a_conversation_in_its_slot_or_parked_needs_no_beginning(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await begin(team, "first", "hello")
            longer = ("hello", "a fake answer", "go on")
            assert (await begin(team, "first", *longer)).cached_tokens == BEGINNING + 4
            await swap(team)
            longer = (*longer, "a fake answer", "and then")
            assert (await begin(team, "first", *longer)).cached_tokens == BEGINNING + 9
            assert team.of(BeginningRestored) == []
            assert steps(team, "read") == 1

    asyncio.run(main())


def test_other_rules_or_another_thinking_switch_are_another_beginning(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await begin(team, "a")
            await begin(team, "b", system=OTHER_RULES)
            await begin(team, "c", thinking=True)
            assert steps(team, "read") == 3
            await begin(team, "d", system=OTHER_RULES)
            await begin(team, "e")
            assert steps(team, "read") == 3

    asyncio.run(main())


def test_beginnings_that_are_not_used_again_leave_room_for_conversations(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await begin(team, "first")
            for n in range(KEPT_PER_MODEL + 1):
                await begin(team, f"own-{n}", system=Message("system", f"{n} {RULES.content}"))
                await begin(team, f"common-{n}")
            kept = team.lot.beginnings_of("primary")
            assert len(kept) == KEPT_PER_MODEL
            files = len(list(team.shm.rglob("*.kv")))
            assert files == len(kept) + len(team.lot.of_model("primary"))
            assert steps(team, "read") == 1 + KEPT_PER_MODEL + 1, "the common one stays"

    asyncio.run(main())


def test_short_beginnings_and_requests_of_no_conversation_cost_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await begin(team, None)
            await begin(team, "a", system=Message("system", "Be nice."))
            await team.talk("word " * 500, "b")
            assert steps(team, "read") == 0
            # Long in characters, yet few tokens: found out once.
            long_words = Message("system", "w" * 3000)
            await begin(team, "c", system=long_words)
            await begin(team, "d", system=long_words)
            assert steps(team, "read") == 1
            assert team.of(BeginningKept) == []

    asyncio.run(main())


def test_after_a_swap_only_conversations_come_back_and_new_ones_still_begin_warm(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, n_parallel=2) as team:
            await begin(team, "first")
            await team.use("coder")
            (parked,) = team.of(ModelParked)
            await team.settle()
            assert parked.conversations == 1
            assert [e.conversation for e in team.of(ModelRestored)] == ["first"]
            assert (await begin(team, "second")).cached_tokens == BEGINNING
            assert steps(team, "read") == 1

    asyncio.run(main())


@pytest.mark.parametrize("rolls_back", [True, False])
def test_what_the_slot_begins_with_is_not_restored_where_the_engine_can_cut_back_to_it(
    tmp_path: Path, rolls_back: bool
) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, rolls_back=rolls_back) as team:
            await begin(team, "first")
            assert (await begin(team, "second")).cached_tokens >= BEGINNING
            assert steps(team, "restore") == (0 if rolls_back else 1)
            await begin(team, "other", system=OTHER_RULES)
            assert (await begin(team, "third", "good day")).cached_tokens >= BEGINNING
            await begin(team, "first", "hello", "a fake answer", "so")
            assert (await begin(team, "fourth", "good evening")).cached_tokens >= BEGINNING
            await team.use("primary", "something else")
            assert (await begin(team, "fifth", "good night")).cached_tokens >= BEGINNING
            given = [e.conversation for e in team.of(BeginningRestored)]
            assert given == (
                ["third", "fifth"] if rolls_back else ["second", "third", "fourth", "fifth"]
            )
            assert team.of(CacheLost) == []

    asyncio.run(main())


def test_a_beginning_alone_is_no_parked_conversation(tmp_path: Path) -> None:
    """The model is as cold as before, and nothing waits to be restored with it."""

    async def main() -> None:
        async with fake_team(tmp_path, primary=None) as team:
            await begin(team, "first")
            team.lot.drop("primary", "first")
            assert team.lot.parked_bytes("primary") == 0
            assert team.lot.of_model("primary") == ()

    asyncio.run(main())


def test_a_worker_that_died_takes_no_beginning_with_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await begin(team, "first")
            team.launcher.worker("primary").die()
            await until(lambda: bool(team.of(WorkerDied)))
            assert (await begin(team, "second")).cached_tokens == BEGINNING
            assert steps(team, "read") == 1

    asyncio.run(main())


def test_of_two_new_conversations_at_once_one_reads_and_the_other_restores(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, n_parallel=2) as team:
            usages = await asyncio.gather(begin(team, "a"), begin(team, "b"))
            assert [u.cached_tokens for u in usages] == [0, BEGINNING]
            assert steps(team, "read") == steps(team, "restore") == 1

    asyncio.run(main())


@pytest.mark.parametrize("step", ["reading", "saving", "restoring"])
def test_a_request_cancelled_on_the_way_leaves_nothing_half_kept(tmp_path: Path, step: str) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            gate = getattr(team.launcher.script("primary"), step)
            if step == "restoring":
                await begin(team, "earlier", system=RULES)
                await team.use("primary", "something else")
            gate.close()
            asking = asyncio.create_task(begin(team, "new"))
            await gate.reached()
            files = len(list(team.shm.rglob("*.kv")))
            asking.cancel()
            await asyncio.wait([asking])
            gate.open()
            assert len(list(team.shm.rglob("*.kv"))) == files == (2 if step == "restoring" else 0)
            saves = steps(team, "save")
            await begin(team, "next", system=OTHER_RULES)
            assert steps(team, "save") == saves + 1, "of the beginning; nobody was in the slot"
            kept = BEGINNING if step == "restoring" else 0
            assert (await begin(team, "new")).cached_tokens == kept
            assert team.of(CacheLost) == team.of(ParkingFailed) == []
            await team.settle()

    asyncio.run(main())


def test_a_conversation_that_was_never_answered_is_not_parked(tmp_path: Path) -> None:
    def refuse(_: ChatRequest) -> str:
        raise GenerationError("primary", "no")

    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await begin(team, "first")
            script = team.launcher.script("primary")
            script.answer, answer = refuse, script.answer
            with pytest.raises(GenerationError):
                await begin(team, "second")
            script.answer = answer
            saves = steps(team, "save")
            await begin(team, "third")
            assert steps(team, "save") == saves
            assert team.lot.find("primary", "second") is None
            assert (await begin(team, "second")).cached_tokens == BEGINNING
            assert team.lot.find("primary", "third") is not None
            assert team.of(ParkingFailed) == []

    asyncio.run(main())


@pytest.mark.parametrize("step", ["read", "save", "restore"])
def test_an_engine_that_fails_costs_a_prompt_and_no_more(tmp_path: Path, step: str) -> None:
    def fail(script: Script) -> None:
        if step == "read":
            script.read_error = GenerationError("primary", "broken")
        elif step == "save":
            script.save_error = StorageError("somewhere", "broken")
        else:
            script.restore_error = GenerationError("primary", "broken")

    async def main() -> None:
        async with fake_team(tmp_path) as team:
            if step == "restore":
                await begin(team, None)
                await begin(team, "earlier")
                await team.use("primary", "something else")
            fail(team.launcher.script("primary"))
            usage = await begin(team, "new")
            assert usage.prompt_tokens == BEGINNING + 1
            problems = [e.problem for e in team.of(ParkingFailed)]
            reasons = [e.reason for e in team.of(CacheLost)]
            (said,) = problems + reasons
            assert "broken" in said
            assert bool(reasons) == (step == "restore")

    asyncio.run(main())


def test_a_full_lot_is_said_and_the_chat_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, parking_bytes=100) as team:
            assert (await begin(team, "first")).cached_tokens == 0
            (failed,) = team.of(ParkingFailed)
            assert failed.problem == "no parking tier has room for it"
            assert team.of(BeginningKept) == []

    asyncio.run(main())


def test_a_model_that_cannot_use_a_beginning_is_given_none_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await begin(team, "first")
            await team.use("primary", "something else")
            team.launcher.script("primary").forgets = True
            assert (await begin(team, "second")).cached_tokens == 0
            (lost,) = team.of(CacheLost)
            assert (lost.conversation, lost.restored_tokens) == ("second", BEGINNING)
            assert "common beginning" in lost.reason or "parked" in lost.reason
            await swap(team)
            await begin(team, "third")
            await begin(team, "fourth", system=OTHER_RULES)
            assert steps(team, "read") == 1, "not in another load, nor for other rules"
            assert len(team.of(BeginningRestored)) == 1

    asyncio.run(main())


def test_a_conversation_that_never_left_says_what_was_lost_of_it(tmp_path: Path) -> None:
    answer = " ".join(f"word-{n}" for n in range(20))

    async def main() -> None:
        async with fake_team(tmp_path) as team:
            team.launcher.script("primary").answer = lambda _: answer
            said = ["hello"]
            await begin(team, "chat", *said)
            said += [answer, "go on"]
            await begin(team, "chat", *said)
            said += ["the answer without what was thought", "go on with the story now"]
            assert team.of(CacheLost) == []
            await begin(team, "chat", *said)
            (lost,) = team.of(CacheLost)
            assert lost.restored_tokens - lost.cached_tokens > 8
            assert "the last answer is no longer" in lost.reason
            await begin(team, "chat", "an entirely different story " * 5)
            assert "no longer begins" in team.of(CacheLost)[-1].reason
            # The same once more is no loss, nor is a handful of tokens at the seam.
            await begin(team, "chat", "an entirely different story " * 5)
            await begin(
                team, "chat", "an entirely different story " * 5, f"{answer[:-7]} end", "so"
            )
            assert len(team.of(CacheLost)) == 2

    asyncio.run(main())


def test_without_parking_no_beginning_is_read_for_itself_or_told_of(tmp_path: Path) -> None:
    (tmp_path / "parked").mkdir()

    async def main() -> None:
        async with fake_team(tmp_path, parking_bytes=0) as team:
            for conversation in ("first", "second"):
                await begin(team, conversation)
            assert steps(team, "read") == 0
            assert [e for e in team.of(ParkingFailed) if e.conversation == "second"] == []

    asyncio.run(main())
