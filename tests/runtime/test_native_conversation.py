"""A model under a native template, on the real engine: the way to tools outside the block.

The weights are the embedded ones, which call tools of their own accord only where the
conversation has shown them how; where it matters what is called, the call is required.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from tests.agent.scripted_team import of_kind
from tests.engines.llama_cpp.test_client import TOOL_TEMPLATE

from airunner.agent.conversation import Conversation
from airunner.components.llm.config.model_capabilities import MODEL_REGISTRY
from airunner.config.settings import Settings
from airunner.errors import ToolRetryError
from airunner.events import (
    Event,
    GenerationFinished,
    PermissionAsked,
    PermissionDecided,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
)
from airunner.messages import Message, ToolCall
from airunner.models.spec import FileSource, ModelCapability, ModelSpec, Sampling
from airunner.runtime import Runtime
from airunner.tools.call_tool import CALL_TOOL
from airunner.tools.search import SEARCH_TOOLS
from airunner.tools.tool import Tool, tool
from airunner.tools.toolset import Toolset

PRIMARY = "tests/native"


def painter(colour: str) -> Tool:
    def use(wall: str) -> str:
        return f"{wall} is {colour}"

    return Tool(use, name=f"paint_{colour}", description=f"Paint a wall {colour}.")


@tool(permission="write", examples=["send a parcel to somebody"])
def send_parcel(address: dict[str, str], weight_kg: int) -> str:
    """Send a parcel to an address."""
    if weight_kg > 30:
        raise ToolRetryError("It is too heavy: 30 kg at most.")
    return f"on its way, {weight_kg} kg"


@tool(permission="execute")
def burn_parcel(number: int) -> str:
    """Burn a parcel."""
    return "burnt"


COLOURS = ("red", "green", "blue", "black", "white", "brown", "grey", "pink")
TOOLS = Toolset([*map(painter, COLOURS), send_parcel, burn_parcel])


@pytest.fixture(scope="module")
def runtime(make_home: Callable[[], Path], smollm2_q8: Path) -> Iterator[Runtime]:
    home = make_home()
    MODEL_REGISTRY[PRIMARY] = ModelSpec(
        PRIMARY,
        [ModelCapability.PRIMARY_CONVERSATION],
        max_context=8192,
        supports_function_calling=True,
        sources=(FileSource(str(smollm2_q8)),),  # 8 bits are read a third faster
        chat_template=TOOL_TEMPLATE,
    )
    settings = Settings(
        home=home,
        primary=PRIMARY,
        context=6144,
        max_tokens=60,
        core_tools=("paint_red", "paint_green"),  # what is in the block does not matter
        permissions=(("burn_parcel", "deny"),),
    )
    try:
        with Runtime(settings, toolset=TOOLS, command="test") as runtime:
            yield runtime
    finally:
        del MODEL_REGISTRY[PRIMARY]


class Talk:
    """One conversation, with what happened in it."""

    def __init__(self, runtime: Runtime, shown: Sequence[Message] = ()) -> None:
        self.runtime = runtime
        self.conversation = Conversation.begin()
        self.conversation.messages += shown
        self.generations: list[GenerationFinished] = []

    def say(self, text: str, choice: str = "auto") -> list[Event]:
        events = []
        turn = self.runtime.turn(
            self.conversation,
            text,
            sampling=Sampling(temperature=0.0, repeat_penalty=1.0),
            may_ask=True,
            tool_choice=choice,
        )
        for event in turn:
            events.append(event)
            if isinstance(event, PermissionAsked):
                self.runtime.answer(event.question, "yes")
        (finished,) = of_kind(events, TurnFinished)
        assert finished.outcome == "answered", finished.problem
        self.generations += of_kind(events, GenerationFinished)
        return events


def test_search_call_rule_approval_and_retry_leave_the_block_as_it_was(runtime: Runtime) -> None:
    talk = Talk(runtime)
    found = talk.say("How can I send a parcel?", SEARCH_TOOLS)
    assert of_kind(found, ToolCallStarted)[0].tool == SEARCH_TOOLS

    # Nested arguments, decoded under the schema of a tool that the block does not show.
    sent = talk.say("Send a parcel of 2 kg to 5 High Street in York.", "send_parcel")
    (asked,) = of_kind(sent, PermissionAsked)
    assert (asked.tool, asked.permission) == ("send_parcel", "write")
    assert isinstance(asked.arguments["address"], dict)
    assert [e.by for e in of_kind(sent, PermissionDecided)] == ["user"]
    call = next(m for m in reversed(talk.conversation.messages) if m.tool_calls).tool_calls[0]
    assert (call.name, call.arguments["name"]) == (CALL_TOOL, "send_parcel")

    burnt = talk.say("Burn parcel 7.", "burn_parcel")
    assert [(e.tool, e.by) for e in of_kind(burnt, PermissionDecided)] == [("burn_parcel", "rule")]
    assert "the rule burn_parcel" in of_kind(burnt, ToolCallFinished)[0].problem

    talk.say("Thank you.")
    for before, after in pairwise(talk.generations):
        # The engine re-used all of the last prompt; how its answer is tokenized again is
        # not for the answer's own tokens to say.
        assert after.cached_tokens >= before.prompt_tokens


def test_wrong_arguments_of_its_own_are_decoded_under_the_schema(runtime: Runtime) -> None:
    shown: list[Message] = []
    for number, city in enumerate(("Rome", "Oslo", "Bonn", "Bern", "Riga")):
        # An address as text, which is what the model will write then.
        wrong = {"name": "send_parcel", "arguments": {"address": city, "weight_kg": 2}}
        call = ToolCall(f"c{number}", CALL_TOOL, wrong)
        shown += [
            Message("user", f"Send a parcel of 2 kg to {city}."),
            Message("assistant", "", (call,)),
            Message("tool", "on its way, 2 kg", tool_call_id=call.id, name=CALL_TOOL),
            Message("assistant", "It is on its way."),
        ]
    talk = Talk(runtime, shown)
    events = talk.say("Send a parcel of 2 kg to Paris.")
    assert of_kind(events, ToolCallStarted), talk.conversation.messages[-1]
    (started,) = of_kind(events, ToolCallStarted)
    assert started.tool == "send_parcel"
    assert isinstance(started.arguments["address"], dict), json.dumps(started.arguments)
    assert of_kind(events, ToolCallFinished)[0].problem == ""
    own, anew, answer = talk.generations
    assert anew.prompt_tokens == own.prompt_tokens
    assert answer.cached_tokens >= anew.prompt_tokens
