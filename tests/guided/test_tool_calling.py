"""Tools for a model without tool calling: scripted for the logic, real weights for the promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from tests.agent.scripted_team import ScriptedTeam, events_of, of_kind

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.team import Team
from airunner.engines.base import ChatRequest, LoadPlan, Worker
from airunner.engines.llama_cpp.launcher import LocalLauncher
from airunner.errors import ToolFailedError, ToolRetryError
from airunner.events import (
    Event,
    EventBus,
    GenerationFinished,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
)
from airunner.guided.tool_calling import GuidedToolCalling
from airunner.media import MediaSupport
from airunner.messages import Delta, Message, ToolSchema
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.records.attached_text import marked
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.tool import tool
from airunner.tools.toolset import Toolset

TEXT = "Whales are mammals. They breathe air."


class Specialists:
    """Answers every request with one text."""

    def __init__(self, answer: str = "Whales breathe.") -> None:
        self._answer = answer

    def use_specialized_model(self, *_: Any, **__: Any) -> str:
        return self._answer

    def load_specialized_model(self, *_: Any, **__: Any) -> None:
        return None


def guided(*script: str) -> ScriptedTeam:
    return ScriptedTeam(list(script), dialect="guided")


def loop_of(team: Team, toolset: Toolset | None = None, **options: Any) -> AgentLoop:
    return AgentLoop(
        team,
        toolset or builtin_toolset(),
        bus=EventBus(),
        tool_calling={"guided": GuidedToolCalling},
        **options,
    )


def run(team: ScriptedTeam, text: str, conversation: Conversation | None = None) -> list[Event]:
    loop = loop_of(team, specialists=Specialists())
    return asyncio.run(events_of(loop, conversation or Conversation.begin("Be kind."), text))


def test_small_talk_is_one_plain_generation() -> None:
    team = guided("Hello!")
    events = run(team, "hello, how are you?")
    assert len(team.requests) == 1
    assert (team.requests[0].json_schema, team.requests[0].tools) == (None, ())
    assert not of_kind(events, ToolCallStarted)


def test_the_tool_is_retrieved_and_its_arguments_constrained() -> None:
    team = guided('{"target_language": "French"}', "Whales breathe air.")
    conversation = Conversation.begin("Be kind.")
    events = run(team, f"translate this: {TEXT}", conversation)
    (call,) = of_kind(events, ToolCallStarted)
    assert call.tool == "translate_text"
    assert call.arguments == {"target_language": "French", "text": TEXT}
    schema = team.requests[0].json_schema
    assert schema is not None
    assert list(schema["properties"]) == ["target_language"]
    assert team.requests[0].temperature == 0
    # Arguments are not shown as text; a short result is, as it is, in front of the answer.
    shown = "> Whales breathe.\n\nWhales breathe air."
    assert "".join(e.text for e in of_kind(events, TextStreamed)).strip() == shown
    (finished,) = of_kind(events, TurnFinished)
    assert finished.text.strip() == shown
    answer = conversation.messages[-1]
    assert (answer.text.strip(), str(answer.sent).strip()) == (shown, "Whales breathe air.")

    first, second = (list(r.messages) for r in team.requests)
    assert [m.role for m in second] == ["system", "user", "assistant", "user"]
    # What was decoded stays in the prompt, word for word: the KV cache serves on.
    assert second[:2] == first
    assert second[2].content == '{"target_language":"French"}'
    assert "Whales breathe." in second[3].content
    # The conversation itself stays neutral: a native model could go on with it.
    assert [m.role for m in conversation.messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    team.script.append("You are welcome.")
    run(team, "Thank you!", conversation)
    assert list(team.requests[2].messages)[: len(second)] == second


def test_a_quoted_result_stands_alone_where_the_model_says_nothing() -> None:
    team = guided('{"target_language": "French"}', "")
    conversation = Conversation.begin("")
    run(team, f"translate this: {TEXT}", conversation)
    assert conversation.messages[-1].text == "> Whales breathe."
    assert conversation.messages[-1].sent  # no template reads an empty answer


NO_QUERY = "the code model wrote no query that runs. The table has 300 rows, 2 columns."


@tool
def ask_table(file: str, question: str) -> str:
    """Answer a question from a table."""
    raise ToolFailedError("ask_table", f"{NO_QUERY}\nNo such column: b\nSQL: SELECT b")


def test_what_is_asked_on_goes_to_the_table_that_was_attached_before() -> None:
    table = "In SQL it is the table sales:\n- Region: text\n- Amount: number\n[of 300 rows, cut]"
    conversation = Conversation.begin("")

    def asks(text: str) -> list[dict[str, Any]]:
        """What the tool is asked; the model has nothing to say beside what is quoted."""
        loop = loop_of(guided("It is so."), Toolset([ask_table]))
        events = asyncio.run(events_of(loop, conversation, text))
        return [call.arguments for call in of_kind(events, ToolCallStarted)]

    def asked(question: str) -> list[dict[str, Any]]:
        return [{"file": "attached/sales.csv", "question": question}]

    first = marked("attached/sales.csv", table, "300 rows, 2 columns")
    assert asks(f"{first}Which region sold most?") == asked("Which region sold most?")
    # Of a failure its first line is quoted: what the model says rests on nothing.
    quoted = f"> ask_table failed: {NO_QUERY}\n\nIt is so."
    assert conversation.messages[-1].text.strip() == quoted
    for question in ("What is the largest amount?", "And in April?", "How about the north?"):
        assert asks(question) == asked(question)
    (named,) = asks("Which regions are in sales.csv?")
    assert named["file"] == "attached/sales.csv"
    for other in ("What is the capital of France?", "Thank you!", "And you?", "Who was the first?"):
        assert asks(other) == []
    assert asks(f"{marked('attached/letter.txt', 'Dear Ann', '')}Who wrote it?") == []
    assert asks("Which region is hers?") == [], "of the last file alone"


def test_parameters_that_the_message_settles_are_not_decoded() -> None:
    team = guided("Voilà.")
    conversation = Conversation("c", [Message("user", "hi"), Message("assistant", "Good day.")])
    events = run(team, "translate that into French", conversation)
    assert of_kind(events, ToolCallStarted)[0].arguments == {
        "text": "Good day.",
        "target_language": "French",
    }
    assert len(team.requests) == 1
    # Swahili is none of the languages that the parameter's mark knows.
    team = guided("Habari.")
    events = run(team, "Translate this to Swahili: good day")
    assert of_kind(events, ToolCallStarted)[0].arguments == {
        "text": "good day",
        "target_language": "Swahili",
    }
    assert len(team.requests) == 1


def test_optional_parameters_without_evidence_keep_their_default() -> None:
    team = guided("Whales breathe air.")
    events = run(team, f"summarize this: {TEXT}")
    assert of_kind(events, ToolCallStarted)[0].arguments == {"text": TEXT}
    team = guided("Whales breathe air.")
    events = run(team, f"summarize this in 2 sentences: {TEXT}")
    assert of_kind(events, ToolCallStarted)[0].arguments == {"max_sentences": 2, "text": TEXT}


def test_a_result_before_any_generation_is_not_cut_short() -> None:
    loop = loop_of(guided("Done."), specialists=Specialists("mot " * 500))
    events = asyncio.run(
        events_of(loop, Conversation.begin(), "Translate into French: a long letter")
    )
    assert [e.truncated for e in of_kind(events, ToolCallFinished)] == [False]


def test_cut_off_arguments_are_sent_back_and_retries_end() -> None:
    team = guided('{"target_lang', '{"targ', "{", "I cannot.")
    events = run(team, "Translate this: good day")
    problems = [e.problem for e in of_kind(events, ToolCallFinished)]
    assert len(problems) == 3
    assert all("target_language: Field required" in problem for problem in problems)
    assert of_kind(events, TurnFinished)[0].outcome == "answered"
    assert "Field required" in team.requests[1].messages[-1].content


def test_a_tool_may_ask_to_be_called_again() -> None:
    @tool(examples=["throw the dice", "throw dice with 6 sides"])
    def throw_dice(sides: int) -> int:
        """Throw dice."""
        if sides < 4:
            raise ToolRetryError("there are no such dice.")
        return sides

    team = guided('{"sides": 2}', '{"sides": 6}', "Six.")
    loop = loop_of(team, Toolset([throw_dice]))
    events = asyncio.run(events_of(loop, Conversation.begin(), "Throw the dice!"))
    assert [e.result for e in of_kind(events, ToolCallFinished)] == ["", "6"]
    assert [r.json_schema is not None for r in team.requests] == [True, True, False]

    # What the message settled was wrong, so it is not settled so again.
    team = guided('{"sides": 6}', "Six.")
    loop = loop_of(team, Toolset([throw_dice]))
    events = asyncio.run(events_of(loop, Conversation.begin(), "Throw dice with 2 sides!"))
    assert [e.arguments for e in of_kind(events, ToolCallStarted)] == [{"sides": 2}, {"sides": 6}]
    assert [e.result for e in of_kind(events, ToolCallFinished)] == ["", "6"]


class Guest(BaseModel):
    name: Annotated[str, Field(min_length=2, max_length=12)]
    age: Annotated[int, Field(ge=0, le=120)]


@tool(examples=["book a table for two tonight", "I want to reserve a table"])
def book_table(
    guests: Annotated[list[Guest], Field(min_length=1, max_length=2)],
    place: Literal["inside", "outside"],
    hour: Annotated[int, Field(ge=17, le=22)],
    wishes: Annotated[str, Field(max_length=40)] | None = None,
) -> str:
    """Book a table in the restaurant.

    Args:
        guests: who comes.
        place: where to sit.
        hour: when, on the 24-hour clock.
        wishes: anything else.
    """
    return f"Booked for {len(guests)} at {hour}."


class RealLease:
    """A lease on a worker that runs already."""

    def __init__(self, worker: Worker, spec: ModelSpec) -> None:
        self._model, self.spec = worker.model, spec
        self.n_ctx = worker.model.plan.n_ctx

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        async for delta in self._model.chat(request, 0):
            yield delta

    async def count_tokens(self, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> int:
        return await self._model.count_tokens(messages, tools)

    async def enforces(self, parameters: Mapping[str, Any]) -> bool:
        return False


class RealTeam:
    """One running worker, for every capability."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._spec = ModelSpec("smollm2", [ModelCapability.PRIMARY_CONVERSATION])

    def resolve(self, capability: ModelCapability, model: str | None = None) -> ModelSpec:
        return self._spec

    async def media_support(
        self, capability: ModelCapability, model: str | None = None
    ) -> MediaSupport:
        return MediaSupport("smollm2")

    @asynccontextmanager
    async def lease(
        self, capability: ModelCapability, *, owner: str, model: str | None = None
    ) -> AsyncIterator[RealLease]:
        yield RealLease(self._worker, self._spec)

    @contextmanager
    def expecting(self, *, owner: str) -> Iterator[Callable[[Sequence[ModelCapability]], None]]:
        yield lambda capabilities: None


def test_real_weights_decode_arguments_that_always_match(smollm2: Path, tmp_path: Path) -> None:
    messages = [
        'book a table "} \n and a very odd wish: {{{',
        f"Please summarize: {TEXT * 5}",
        "Translate into Klingon: the ship is ready",
    ]

    async def main() -> list[list[Event]]:
        launcher = LocalLauncher(run_dir=tmp_path, spare=False)
        try:
            worker = await launcher.launch(LoadPlan("smollm2", smollm2, n_ctx=2048, n_threads=2))
            try:
                tools = builtin_toolset() + Toolset([book_table])
                team = RealTeam(worker)
                loop = loop_of(team, tools, specialists=Specialists(), answer_tokens=8)
                return [await events_of(loop, Conversation.begin(), text) for text in messages]
            finally:
                await worker.stop()
        finally:
            await launcher.close()

    turns = asyncio.run(main())
    # The last two settle every argument by their words, so that only the answer is generated.
    assert [len(of_kind(events, GenerationFinished)) for events in turns] == [2, 1, 1]
    for message, events in zip(messages, turns, strict=True):
        calls = of_kind(events, ToolCallFinished)
        assert [call.problem for call in calls] == [""], message
        generated = of_kind(events, GenerationFinished)
        # The answer's prompt found what was asked for the arguments in the cache.
        assert all(e.cached_tokens > 0 for e in generated[1:])
        assert of_kind(events, TurnFinished)[0].outcome == "answered"
    assert of_kind(turns[1], ToolCallStarted)[0].arguments["text"] == TEXT * 5


def test_a_preface_is_no_word_of_the_user() -> None:
    known = "What the user has asked you to remember:\n- Please translate things into German."
    team = guided("Hello!", '{"target_language": "French"}', "Whales breathe air.")
    conversation = Conversation.begin("Be kind.", known)
    assert not of_kind(run(team, "hello, how are you?", conversation), ToolCallStarted)
    run(team, f"translate this: {TEXT}", conversation)
    prompts = [list(request.messages) for request in team.requests]
    assert prompts[0][1].content == f"{known}\n\nhello, how are you?"
    for number in (0, 1):
        assert prompts[number + 1][: len(prompts[number])] == prompts[number]
    # The form is worded the same for one in whose first message a call is asked for.
    team = guided('{"target_language": "French"}', "Whales breathe air.", "You are welcome.")
    conversation = Conversation.begin("Be kind.", known)
    run(team, f"translate this: {TEXT}", conversation)
    run(team, "Thank you!", conversation)
    prompts = [list(request.messages) for request in team.requests]
    assert team.requests[0].json_schema is not None
    assert prompts[0][1].content.startswith(f"{known}\n\ntranslate this: ")
    for number in (0, 1):
        assert prompts[number + 1][: len(prompts[number])] == prompts[number]
