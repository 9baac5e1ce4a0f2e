"""Fitting a conversation into a context."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from tests.agent.scripted_team import ScriptedTeam, events_of, of_kind, tokens_of

from airunner.agent.conversation import Conversation, CountedPrompt
from airunner.agent.history import Fitted, fit
from airunner.agent.loop import AgentLoop
from airunner.errors import ContextOverflowError
from airunner.events import EventBus, HistoryTrimmed, TurnFinished
from airunner.messages import Message, ToolCall, ToolSchema
from airunner.models.spec import ToolCallingName
from airunner.tools.toolset import Toolset


def fitted(conversation: Conversation, n_ctx: int, **options: Any) -> tuple[Fitted, int]:
    """The result, and how often tokens had to be counted."""
    counted = 0

    async def count(messages: Sequence[Message], tools: Sequence[ToolSchema]) -> int:
        nonlocal counted
        counted += 1
        return tokens_of(messages)

    result = asyncio.run(
        fit(
            conversation,
            render=list,
            tools=(),
            count=count,
            n_ctx=n_ctx,
            reserve=n_ctx // 4,
            model="m",
            **options,
        )
    )
    return result, counted


def exchange(number: int, size: int = 400) -> list[Message]:
    call = ToolCall(f"c{number}", "t", {})
    return [
        Message("user", f"question {number} " + "x" * size),
        Message("assistant", "", tool_calls=(call,)),
        Message("tool", "y" * size, tool_call_id=call.id, name="t"),
        Message("assistant", "z" * size),
    ]


def long_conversation(exchanges: int) -> Conversation:
    messages = [m for n in range(exchanges) for m in exchange(n)]
    return Conversation("c", [Message("system", "S"), *messages])


def test_what_fits_is_sent_whole_and_not_even_counted() -> None:
    conversation = Conversation("c", [Message("system", "S"), Message("user", "hello")])
    result, counted = fitted(conversation, 2048)
    assert (result.messages, result.dropped, counted) == (conversation.messages, 0, 0)
    assert result.tokens >= tokens_of(conversation.messages)


def test_whole_exchanges_are_dropped_in_one_large_step_that_is_remembered() -> None:
    conversation = long_conversation(200)
    result, counted = fitted(conversation, 8192)
    assert result.tokens <= 0.6 * 8192 * 0.75
    assert counted < 15
    assert result.messages[0].role == "system"
    assert result.messages[1].role == "user"
    assert result.messages[-1] == conversation.messages[-1]
    assert len(result.messages) == 1 + 800 - result.dropped
    assert len(conversation.messages) == 801
    # The next turns add to the same prefix; nothing is cut until it is full again.
    cuts = []
    for number in range(200, 240):
        conversation.messages.extend(exchange(number))
        later, _ = fitted(conversation, 8192)
        if later.dropped:
            cuts.append(later.dropped)
        elif not cuts:
            assert later.messages[: len(result.messages)] == result.messages
    assert 1 <= len(cuts) <= 8


def test_a_newest_exchange_too_long_loses_its_middle() -> None:
    conversation = long_conversation(2)
    conversation.messages.append(Message("user", "begin " + "w" * 10_000_000 + " end"))
    result, counted = fitted(conversation, 2048)
    (system, message) = result.messages
    assert system.content == "S"
    assert message.content.startswith("begin w")
    assert message.content.endswith("w end")
    assert "characters left out" in message.content
    assert (result.dropped, result.shortened) == (8, 1)
    assert tokens_of(result.messages) <= 2048 * 0.75
    assert counted < 20


def test_what_may_not_be_shortened_is_refused() -> None:
    conversation = Conversation("c", [Message("user", "w" * 20_000)])
    with pytest.raises(ContextOverflowError) as caught:
        fitted(conversation, 1024, may_shorten=False)
    assert caught.value.n_ctx == 1024
    tiny = Conversation("c", [Message("system", "S" * 9000), Message("user", "hi")])
    with pytest.raises(ContextOverflowError):
        fitted(tiny, 1024)


def test_a_turn_says_that_history_was_trimmed() -> None:
    conversation = long_conversation(40)
    loop = AgentLoop(ScriptedTeam(["Yes."], n_ctx=2048), Toolset(), bus=EventBus())
    events = asyncio.run(events_of(loop, conversation, "Still there?"))
    (trimmed,) = of_kind(events, HistoryTrimmed)
    assert trimmed.dropped_messages % 4 == 0
    assert of_kind(events, TurnFinished)[0].outcome == "answered"


def test_a_turn_says_that_its_only_message_was_shortened() -> None:
    conversation = Conversation("c", [Message("system", "S")])
    loop = AgentLoop(ScriptedTeam(["Yes."], n_ctx=1024), Toolset(), bus=EventBus())
    events = asyncio.run(events_of(loop, conversation, "w " * 20_000))
    (trimmed,) = of_kind(events, HistoryTrimmed)
    assert (trimmed.dropped_messages, trimmed.shortened_messages) == (0, 1)


# What is known of the user


KNOWN = "What the user has asked you to remember:\n- My cat is called Miso."


def test_a_preface_is_in_front_of_the_first_user_message_and_in_no_message() -> None:
    conversation = Conversation.begin("S", KNOWN)
    conversation.messages += [Message("user", "hello"), Message("assistant", "Hi.")]
    conversation.messages.append(Message("user", "and now?"))
    before = list(conversation.messages)
    result, _ = fitted(conversation, 4096)
    assert [m.content for m in result.messages] == ["S", f"{KNOWN}\n\nhello", "Hi.", "and now?"]
    assert result.tokens >= tokens_of(result.messages)
    assert conversation.messages == before


def test_the_next_message_that_is_still_sent_takes_the_preface_over() -> None:
    conversation = long_conversation(200)
    conversation.preface = KNOWN
    for number in range(200, 240):
        result, _ = fitted(conversation, 8192)
        assert [KNOWN in m.content for m in result.messages] == [
            i == 1 for i in range(len(result.messages))
        ]
        assert result.messages[1].content.startswith(f"{KNOWN}\n\nquestion ")
        conversation.messages.extend(exchange(number))


def test_a_preface_takes_room_and_is_never_shortened() -> None:
    preface = "fact " * 400
    conversation = long_conversation(2)
    conversation.messages.append(Message("user", "w" * 100_000))
    without, _ = fitted(conversation, 2048)
    conversation.preface = preface
    result, _ = fitted(conversation, 2048)
    assert result.tokens == tokens_of(result.messages) <= 2048 * 0.75
    assert result.messages[1].content.startswith(preface)
    assert len(result.messages[1].content) - len(preface) < len(without.messages[1].content)


@pytest.mark.parametrize("dialect", ["native", "guided"])
def test_prompts_with_a_preface_only_grow(dialect: ToolCallingName) -> None:
    team = ScriptedTeam(["One.", "Two.", "Three."], dialect=dialect, n_ctx=8192)
    loop = AgentLoop(team, Toolset(), bus=EventBus())
    conversation = Conversation.begin("Be brief.", KNOWN)
    for text in ("How are you?", "Why?", "Thanks"):
        asyncio.run(events_of(loop, conversation, text))
    prompts = [list(request.messages) for request in team.requests]
    for earlier, later in pairwise(prompts):
        assert later[: len(earlier)] == earlier
        assert len(later) == len(earlier) + 2
    # Without a preface, it is the same prompt up to the first user message.
    plain = ScriptedTeam(["One."], dialect=dialect, n_ctx=8192)
    loop = AgentLoop(plain, Toolset(), bus=EventBus())
    asyncio.run(events_of(loop, Conversation.begin("Be brief."), "How are you?"))
    assert prompts[0][0] == plain.requests[0].messages[0]
    assert prompts[0][1].content == f"{KNOWN}\n\n{plain.requests[0].messages[1].content}"


def test_a_prompt_that_adds_little_to_the_last_is_not_counted() -> None:
    conversation = long_conversation(4)
    result, counted = fitted(conversation, 4096)
    assert counted == 1
    conversation.counted = CountedPrompt("m", result.messages, (), tokens_of(result.messages))
    conversation.messages += exchange(4, size=60)
    grown, counted = fitted(conversation, 4096)
    assert counted == 0
    assert tokens_of(grown.messages) <= grown.tokens <= 4096
    # Of another model it says nothing, nor of a prompt that does not begin with it.
    for other in (
        CountedPrompt("another", result.messages, (), 1),
        CountedPrompt("m", [Message("user", "Hi.")], (), 1),
        CountedPrompt("m", result.messages, (ToolSchema("t", "T."),), 1),
    ):
        conversation.counted = other
        assert fitted(conversation, 4096)[1] == 1
