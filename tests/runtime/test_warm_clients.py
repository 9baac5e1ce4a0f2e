"""Clients that send their whole history find their state: after swaps, edits, titles, restarts.

Every claim is read off the count of cached tokens in the answers, with the real engine.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.faults.real_team import ONE_MODEL_BYTES

from airunner.agent.conversation import Conversation
from airunner.agent.conversation_saver import ConversationSaver
from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST
from airunner.config.settings import Settings
from airunner.events import CacheLost, CacheProven, Event, ParkingFailed
from airunner.runtime import RuntimeCore
from airunner.server.answers import Answers
from airunner.server.served_models import ServedModels
from airunner.tools.toolset import Toolset

SEAM = 4
"""Tokens at the end of an answer that may be cut differently when they come back."""

SIX_STATES = 40_000_000
"""Six conversations of this length, of which one is in a slot, and not 600 tokens beside them."""


class Client:
    """A client of a stateless API in one conversation; ``held`` is what its state should have."""

    def __init__(self, model: str, name: str, messages: list[dict[str, str]] | None = None) -> None:
        story = f"{name} keeps a lighthouse by the sea and writes a diary. " * 12
        self.model, self.name, self.held = model, name, 0
        self.messages = messages or [{"role": "user", "content": f"I am {name}. {story}"}]

    async def ask(self, answers: Answers, say: str = "") -> dict[str, int]:
        """One turn; the tokens of the prompt, and how many of them were cached."""
        if say:
            self.messages.append({"role": "user", "content": say})
        body = {"model": self.model, "messages": self.messages, "max_tokens": 8, "temperature": 0}
        text, usage = "", dict[str, Any]()
        async for chunk in answers.chunks(body):
            usage = chunk.get("usage") or usage
            text += "".join(c["delta"].get("content") or "" for c in chunk["choices"])
        self.messages.append({"role": "assistant", "content": text})
        self.held = usage["prompt_tokens"] + usage["completion_tokens"]
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        return {"prompt": usage["prompt_tokens"], "cached": cached}

    async def finds_everything(self, answers: Answers, say: str) -> None:
        held = self.held
        usage = await self.ask(answers, say)
        assert held - SEAM <= usage["cached"] <= held, f"{self.name}: {usage} of {held}"


@asynccontextmanager
async def serving(settings: Settings, events: list[Event]) -> AsyncIterator[Answers]:
    async with RuntimeCore(settings, toolset=Toolset(), command="test") as core:
        core.bus.subscribe(events.append)
        yield Answers(core, ServedModels(core))


def settings_of(home: Path, **changes: Any) -> Settings:
    values = {"max_memory": ONE_MODEL_BYTES, "context": 1024, "offline": True} | changes
    return Settings(home=home, **values)


def kept_files(home: Path) -> set[str]:
    return {file.name for file in (home / "parked" / "kept").iterdir()} - {"in-use"}


def test_six_clients_of_two_models_share_room_for_one(embedded_home: Path) -> None:
    settings = settings_of(embedded_home, parking_memory=0, parking_disk=SIX_STATES)
    models = [EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST]
    names = ("Ann", "Bob", "Cid", "Dan", "Eve", "Fay")
    clients = [Client(models[place % 2], name) for place, name in enumerate(names)]
    by_model = clients[::2] + clients[1::2]
    events: list[Event] = []

    async def before_the_restart() -> None:
        async with serving(settings, events) as answers:
            for client in by_model:
                usage = await client.ask(answers)
                assert usage["cached"] < 0.2 * usage["prompt"], "nobody has said this before"
            for client in clients:
                await client.finds_everything(answers, "Go on.")
            await titles_displace_nobody(answers)
            await edited_and_regenerated(answers, clients[5])

    async def titles_displace_nobody(answers: Answers) -> None:
        for task in ("A title, please.", "Three tags, please.", "What may I ask next?"):
            chat = f"{task} <chat>" + " ".join(m["content"] for m in clients[5].messages * 4)
            helper = Client(models[1], task, [{"role": "user", "content": chat}])
            usage = await helper.ask(answers)
            assert usage["prompt"] > 600
            assert usage["cached"] < 0.2 * usage["prompt"]
        for client in (clients[1], clients[3], clients[5]):
            await client.finds_everything(answers, "What came next?")

    async def edited_and_regenerated(answers: Answers, client: Client) -> None:
        asked = client.messages.pop()
        usage = await client.ask(answers)
        assert usage["cached"] == usage["prompt"] - 1, "all but the token that is decoded from"
        assert client.messages[-1] == asked
        first = client.messages[:2]
        client.messages[2:] = []
        usage = await client.ask(answers, "Tell me about the storm instead, in all its fury.")
        assert client.messages[:2] == first
        assert 180 <= usage["cached"] < usage["prompt"] - 8, "up to where it differs"

    async def after_the_restart() -> None:
        events.clear()
        async with serving(settings, events) as answers:
            for client in by_model:
                await client.finds_everything(answers, "And then?")

    asyncio.run(before_the_restart())
    assert any(isinstance(event, ParkingFailed) for event in events), "there was no room"
    lost = [event for event in events if isinstance(event, CacheLost)]
    assert len(lost) == 1, "the edited message"
    asyncio.run(after_the_restart())
    assert sum(isinstance(event, CacheProven) for event in events) == 6
    assert not [event for event in events if isinstance(event, CacheLost | ParkingFailed)]


def test_a_client_of_the_team_goes_on_after_a_restart(embedded_home: Path) -> None:
    client = Client("airunner", "Ann")

    async def turn(say: str = "") -> None:
        async with serving(settings_of(embedded_home), []) as answers:
            await client.finds_everything(answers, say) if say else await client.ask(answers)

    asyncio.run(turn())
    asyncio.run(turn("Go on."))


VICTIM = """
import asyncio, json, sys
from pathlib import Path
from tests.runtime.test_warm_clients import Client, serving, settings_of
from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY

async def main():
    async with serving(settings_of(Path(sys.argv[1]), parking_memory=0), []) as answers:
        clients = [Client(EMBEDDED_PRIMARY, name) for name in ("Ann", "Bob", "Cid")]
        for number in range(10_000):
            # Two of them displace each other for ever.
            client = clients[number if number < 3 else 1 + number % 2]
            await client.ask(answers, "And then?" if number > 2 else "")
            client.messages[3:] = []
            print(json.dumps([client.name, client.messages[:2]]), flush=True)

asyncio.run(main())
"""


def test_a_server_that_is_killed_while_it_parks_leaves_only_what_can_be_used(
    embedded_home: Path,
) -> None:
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(embedded_home)], stdout=subprocess.PIPE, text=True
    )
    kept = embedded_home / "parked" / "kept"
    with victim:
        assert victim.stdout is not None
        told = [json.loads(victim.stdout.readline()) for _ in range(6)]
        ends = time.monotonic() + 300
        while not any(name.startswith(".") for name in kept_files(embedded_home)):
            assert time.monotonic() < ends, "nothing was ever parked"
        victim.kill()
        told += [json.loads(line) for line in victim.stdout if line.endswith("\n")]
    histories = dict(told)
    assert set(histories) == {"Ann", "Bob", "Cid"}
    found = dict[str, float]()

    async def main() -> None:
        async with serving(settings_of(embedded_home), []) as answers:
            stems = {file.stem for file in kept.iterdir()} - {"in-use"}
            assert kept_files(embedded_home) == {f"{s}{e}" for s in stems for e in (".kv", ".json")}
            for name, messages in histories.items():
                client = Client(EMBEDDED_PRIMARY, name, messages)
                usage = await client.ask(answers, "And then?")
                found[name] = usage["cached"] / usage["prompt"]

    asyncio.run(main())
    assert found["Ann"] > 0.9, "it was parked before"
    whole = [name for name in ("Bob", "Cid") if found[name] > 0.9]
    assert whole, "one was being parked, and the other had to be there still"


def test_a_saved_conversation_goes_on_in_another_process_until_it_is_deleted(
    embedded_home: Path, smollm2: Path
) -> None:
    settings = settings_of(embedded_home, max_tokens=8)
    events: list[Event] = []

    @asynccontextmanager
    async def running() -> AsyncIterator[RuntimeCore]:
        async with RuntimeCore(settings, toolset=Toolset(), command="test") as core:
            core.bus.subscribe(events.append)
            yield core

    async def turn(core: RuntimeCore, conversation: Conversation, text: str) -> None:
        async for _ in core.turn(conversation, text):
            pass

    async def main() -> None:
        async with running() as core:
            conversation = Conversation.begin()
            keeper = ConversationSaver(core.records.conversations, conversation)
            await turn(core, conversation, "Tell me about the sea. " * 20)
            keeper.save()
        assert len(kept_files(embedded_home)) == 2
        async with running() as core:
            saved = core.records.conversations.load(conversation.id)
            assert saved is not None
            keeper = ConversationSaver.resume(core.records.conversations, saved)
            await turn(core, keeper.conversation, "Go on.")
            (proven,) = (event for event in events if isinstance(event, CacheProven))
            assert proven.conversation == conversation.id
            assert proven.cached_tokens >= proven.restored_tokens - SEAM > 100
            await turn(core, Conversation.begin(), "Of this process alone.")
        assert len(kept_files(embedded_home)) == 2
        async with running() as core:
            assert core.records.conversations.delete(conversation.id)
            assert kept_files(embedded_home) == set()
        assert not (embedded_home / "parked" / "kept").exists()

    asyncio.run(main())
