"""A prompt only grows: whatever happens in a conversation, each one begins with the one before.

Conversations of twenty turns at random, with models that answer at random: calls
that are right, wrong, unknown or through ``call_tool``, failures, approvals, retries,
forced and forbidden choices, cancelled turns, several conversations in turns, saved
and resumed, trimmed and shortened, some with tools of a client that are called beside
ours, answered in another order or not at all. The prompts are rendered by chat templates in
the style that models use. Only the models are scripted.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.tiny_png import GREEN, RED

from airunner.agent.conversation import Conversation
from airunner.agent.conversation_saver import ConversationSaver
from airunner.agent.loop import AgentLoop
from airunner.agent.open_calls import answer_open_calls
from airunner.agent.turn_request import TurnRequest
from airunner.engines.base import ChatRequest
from airunner.engines.llama_cpp.chat_format import messages_json
from airunner.engines.llama_cpp.control_tokens import ControlTokens
from airunner.engines.llama_cpp.tool_schemas import tools_in_request
from airunner.errors import (
    GenerationError,
    ToolArgumentsError,
    ToolFailedError,
    ToolRetryError,
    UnknownToolError,
    WorkerDiedError,
)
from airunner.events import (
    Event,
    EventBus,
    ExternalCallMade,
    HistoryTrimmed,
    PermissionAsked,
)
from airunner.guided.tool_calling import GuidedToolCalling
from airunner.media import MediaSupport
from airunner.messages import (
    Content,
    Delta,
    MediaKind,
    Message,
    TextPart,
    ToolCall,
    ToolSchema,
    Usage,
)
from airunner.models.spec import ModelCapability, ModelSpec, ToolCallingName
from airunner.records.records import Records
from airunner.tools.call_tool import meant
from airunner.tools.json_form import JsonForm
from airunner.tools.permissions import Permissions
from airunner.tools.tool import Tool, tool
from airunner.tools.toolset import Toolset

pytestmark = pytest.mark.real

# Tools on top, calls as JSON in tags, the reasoning of earlier turns taken out.
TEMPLATE = """
{%- set last = namespace(user=-1) -%}
{%- for m in messages if m.role == "user" -%}
  {%- set last.user = messages.index(m) -%}
{%- endfor -%}
{%- if messages and messages[0].role == "system" or tools -%}
<|im_start|>system
{% if messages and messages[0].role == "system" %}{{ messages[0].content }}{% endif %}
{%- for t in tools %}
{{ t | tojson }}
{%- endfor %}<|im_end|>
{% endif -%}
{%- for m in messages if m.role != "system" -%}
  {%- if m.role == "tool" -%}
<|im_start|>user
<tool_response>{{ m.content }}</tool_response><|im_end|>
{%   else -%}
<|im_start|>{{ m.role }}
{%     if m.reasoning_content and messages.index(m) > last.user -%}
<think>{{ m.reasoning_content }}</think>
{%     endif -%}
{{ m.content }}
{%-    for call in m.tool_calls or [] -%}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%-    endfor -%}
<|im_end|>
{%   endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif -%}
"""
ENVIRONMENT = jinja2.Environment(autoescape=False, keep_trailing_newline=True)
ENVIRONMENT.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
RENDERER = ENVIRONMENT.from_string(TEMPLATE)
CHARACTERS_PER_TOKEN = 4
NO_CONTROLS = ControlTokens(())
PICTURE_TOKENS = 200


def rendered(messages: Sequence[Message], tools: Sequence[ToolSchema]) -> str:
    given = messages_json(messages, NO_CONTROLS)
    for message in given:
        if isinstance(message["content"], list):
            message["content"] = "".join(map(shown, message["content"]))
        for call in message.get("tool_calls", ()):
            function = call["function"]
            function["arguments"] = json.loads(function["arguments"])
    offered = tools_in_request(tools, NO_CONTROLS).get("chat_template_kwargs", {})
    return RENDERER.render(messages=given, **offered, add_generation_prompt=True)


def shown(part: Mapping[str, Any]) -> str:
    """A part as an engine puts it into a prompt: a picture is its own and takes its room."""
    if part["type"] == "text":
        return str(part["text"])
    assert part["type"] == "image_url"
    return f"<picture {part['image_url']['url']}>" + "#" * PICTURE_TOKENS * CHARACTERS_PER_TOKEN


def instance(schema: Mapping[str, Any], rng: random.Random) -> Any:
    """A random value under a schema of the kinds that these tools have."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if "anyOf" in schema:
        return instance(rng.choice(schema["anyOf"]), rng)
    match schema.get("type"):
        case "integer" | "number":
            return rng.randint(0, 9)
        case "boolean":
            return rng.random() < 0.5
        case "array":
            return [instance(schema["items"], rng) for _ in range(rng.randint(0, 2))]
        case "object":
            wanted = schema.get("properties", {})
            required = schema.get("required", ())
            chosen = [n for n in wanted if n in required or rng.random() < 0.5]
            return {name: instance(wanted[name], rng) for name in chosen}
        case _:
            return rng.choice(["blue", "Größe 7", 'a "quoted" word', "two words"])


@dataclass(frozen=True)
class Generated:
    """A prompt and what was generated after it; ``text`` is empty if nothing of it was kept."""

    conversation: str
    prompt: str
    text: str
    trims: int
    is_arguments: bool


@dataclass
class RandomTeam:
    """Leases of a model that answers at random, as far as the request leaves it free."""

    rng: random.Random
    dialect: ToolCallingName
    tools: Toolset
    n_ctx: int
    thinks: bool
    takes: frozenset[MediaKind] = frozenset()
    done: list[Generated] = field(default_factory=list)
    trims: int = 0
    loop: AgentLoop = field(init=False)

    def resolve(self, capability: ModelCapability, model: str | None = None) -> ModelSpec:
        return ModelSpec("random", [capability], chat_dialect=self.dialect)

    async def media_support(
        self, capability: ModelCapability, model: str | None = None
    ) -> MediaSupport:
        return MediaSupport("random", self.takes)

    @property
    def spec(self) -> ModelSpec:
        return self.resolve(ModelCapability.PRIMARY_CONVERSATION)

    @asynccontextmanager
    async def lease(
        self, capability: ModelCapability, *, owner: str, model: str | None = None
    ) -> AsyncIterator[RandomTeam]:
        await asyncio.sleep(0)
        yield self

    @contextmanager
    def expecting(self, *, owner: str) -> Iterator[Callable[[Sequence[ModelCapability]], None]]:
        yield lambda _: None

    async def count_tokens(self, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> int:
        return len(rendered(messages, tools)) // CHARACTERS_PER_TOKEN

    async def enforces(self, parameters: Mapping[str, Any]) -> bool:
        return False

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        prompt = rendered(request.messages, request.tools)
        assert len(prompt) // CHARACTERS_PER_TOKEN <= self.n_ctx
        said = ""
        reasoning, text, calls = self._answer(request)
        raw = (f"<think>{reasoning}</think>\n" if reasoning else "") + text
        raw += "".join(map(in_tags, calls))
        try:
            if reasoning:
                yield Delta(reasoning=reasoning)
            for word in text.split(" "):
                await asyncio.sleep(0)
                said += (" " if said else "") + word
                yield Delta(text=word if said == word else f" {word}")
                if self.rng.random() < 0.01:
                    raise WorkerDiedError("random", -9)
                if self.rng.random() < 0.005:
                    raise GenerationError("random", "it broke off")
            usage = Usage(len(prompt) // CHARACTERS_PER_TOKEN, 0, len(raw) // CHARACTERS_PER_TOKEN)
            yield Delta(tool_calls=calls, finish_reason="stop", usage=usage)
            said = raw
        finally:
            # A call that is decoded once more is not kept.
            kept = said if said == raw or not reasoning else ""
            if not text and len(calls) == 1 and not self._is_valid(calls[0]):
                kept = ""
            assert request.conversation is not None
            arguments = request.json_schema is not None
            now = Generated(request.conversation, prompt, kept, self.trims, arguments)
            self.done.append(now)

    def _answer(self, request: ChatRequest) -> tuple[str, str, tuple[ToolCall, ...]]:
        if request.json_schema is not None and not request.tools:
            arguments = instance(request.json_schema, self.rng)
            return "", json.dumps(arguments, ensure_ascii=False, separators=(",", ":")), ()
        if request.json_schema is not None:
            call = instance(request.json_schema, self.rng)
            return "", "", (ToolCall("0", call["name"], call["arguments"]),)
        reasoning = "Let me see." if self.thinks and self.rng.random() < 0.5 else ""
        text = self.rng.choice(["", "I see.", "Here you are, as you wished. " * 3]).strip()
        calls: tuple[ToolCall, ...] = ()
        if request.tools and (not text or self.rng.random() < 0.5):
            calls = tuple(self._call(request) for _ in range(self.rng.choice([1, 1, 1, 2])))
        return reasoning, text or ("" if calls else "Well."), calls

    def _is_valid(self, call: ToolCall) -> bool:
        wanted = meant(call)
        try:
            if wanted.name in EXTERNAL:
                JsonForm(wanted.name, EXTERNAL[wanted.name].parameters).validate(wanted.arguments)
            else:
                self.loop.toolset.get(wanted.name).validate(wanted.arguments)
        except (ToolArgumentsError, UnknownToolError):
            return False
        return True

    def _call(self, request: ChatRequest) -> ToolCall:
        """A call as models make them: mostly right, of a tool in the block or outside it."""
        shown = [schema.name for schema in request.tools]
        wanted = self.rng.choice([*shown, *self.tools.names])
        if wanted not in self.tools and wanted not in EXTERNAL:
            wanted = "search_tools" if "search_tools" in shown else self.tools.names[0]
        if wanted in EXTERNAL:
            parameters = EXTERNAL[wanted].parameters
        elif wanted == "search_tools":
            parameters = {"type": "object", "properties": {"query": {}}, "required": ["query"]}
        else:
            parameters = self.tools.get(wanted).parameters
        arguments = instance(parameters, self.rng)
        if self.rng.random() < 0.2:
            arguments = {"nonsense": 1}
        if wanted in shown:
            return ToolCall("0", wanted, arguments)
        name = wanted if self.rng.random() < 0.9 else f"{wanted}s"
        return ToolCall("0", "call_tool", {"name": name, "arguments": arguments})


def in_tags(call: ToolCall) -> str:
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
    return f'<tool_call>\n{{"name": "{call.name}", "arguments": {arguments}}}\n</tool_call>'


@tool(examples=["count the letters of strawberry", "how many letters has this word"])
def count_letters(word: str) -> int:
    """Count the letters of a word."""
    return len(word)


@tool(permission="write", examples=["paint the wall blue", "paint my room red"])
def paint_wall(colour: str, coats: int = 1) -> str:
    """Paint a wall in a colour."""
    if coats > 7:
        raise ToolRetryError("At most seven coats.")
    if coats == 5:
        raise ToolFailedError("paint_wall", "the paint is used up")
    return f"{coats} coats of {colour}"


@tool(permission="execute", examples=["order a pizza", "order two pizzas for dinner"])
def order_pizza(topping: str, sizes: list[int], address: dict[str, str] | None = None) -> str:
    """Order pizzas."""
    return f"ordered {topping} {sizes} to {address}"


@tool(examples=["read the long story", "read me a story"])
def read_story(chapters: int) -> str:
    """Read a long story."""
    return "Once upon a time there was a king. " * 40 * chapters


def numbered(number: int) -> Tool:
    def use(colour: str = "red", pieces: int = 1) -> str:
        return f"{pieces} {colour}"

    return Tool(use, name=f"fetch_thing_{number}", description=f"Fetch thing number {number}.")


TOOLS = Toolset(
    [
        *[numbered(n) for n in range(6)],
        count_letters,
        paint_wall,
        *[numbered(n) for n in range(6, 14)],
        order_pizza,
        read_story,
    ]
)
EXTERNAL = {
    name: ToolSchema(
        name,
        f"Of the client: {name}.",
        {
            "type": "object",
            "properties": {"path": {"type": "string"}, "lines": {"type": "integer"}},
            "required": ["path"],
        },
    )
    for name in ("read_client_file", "edit_client_file")
}
MESSAGES: list[Content] = [
    "Hello!",
    (RED, TextPart("What is this?")),
    (TextPart("Compare this"), GREEN, TextPart("with this"), RED),
    "Thank you. " * 4,
    "yes",
    "A long message of mine. " * 150,
    *(example for each in TOOLS for example in each.examples),
]
CHOICES = ["auto"] * 8 + ["none", "required", "paint_wall", "fetch_thing_0", "order_pizza"]


@dataclass
class Talk:
    """Conversations in turns, saved after each turn and now and then resumed."""

    rng: random.Random
    records: Records
    team: RandomTeam
    loop: AgentLoop
    with_external: bool = False
    keepers: list[ConversationSaver] = field(default_factory=list)
    open_calls: dict[str, list[str]] = field(default_factory=dict)

    async def run(self, turns: int) -> None:
        for number in range(turns):
            if not self.keepers or (number % 7 == 3 and len(self.keepers) < 3):
                begun = Conversation.begin(self.rng.choice(["", "You are helpful."]))
                self.keepers.append(ConversationSaver(self.records.conversations, begun))
            place = self.rng.randrange(len(self.keepers))
            await self._turn(self.keepers[place])
            self.keepers[place].save()
            if self.rng.random() < 0.3:
                saved = self.records.conversations.load(self.keepers[place].conversation.id)
                assert saved is not None
                self.keepers[place] = ConversationSaver.resume(self.records.conversations, saved)

    async def _turn(self, keeper: ConversationSaver) -> None:
        stop_after = self.rng.randint(1, 30) if self.rng.random() < 0.15 else None
        calls = self.open_calls.pop(keeper.conversation.id, [])
        self.rng.shuffle(calls)
        given = [c for c in calls if self.rng.random() < 0.9]
        results = [Message("tool", f"The client did {call}.", tool_call_id=call) for call in given]
        goes_on = bool(results) and self.rng.random() < 0.8
        request = TurnRequest(
            None if goes_on else self.rng.choice(MESSAGES),
            tool_choice=self.rng.choice(CHOICES),
            external=tuple(EXTERNAL.values()) if self.with_external else (),
        )
        answer_open_calls(keeper.conversation.messages, results)
        turn = self.loop.run(keeper.conversation, request, may_ask=self.rng.random() < 0.8)
        seen = 0
        async with aclosing(turn):
            async for event in turn:
                seen += 1
                if seen == stop_after:
                    break
                if isinstance(event, PermissionAsked):
                    self.loop.answer(event.question, self.rng.choice(["yes", "no", "always"]))
                elif isinstance(event, ExternalCallMade):
                    opened = self.open_calls.setdefault(keeper.conversation.id, [])
                    opened.append(event.call)


def talk(
    seed: int, dialect: ToolCallingName, folder: Path, *, n_ctx: int, thinks: bool
) -> RandomTeam:
    rng = random.Random(seed)
    with_external = rng.random() < 0.5
    takes: frozenset[MediaKind] = frozenset({"image"} if rng.random() < 0.7 else ())
    team = RandomTeam(rng, dialect, TOOLS, n_ctx, thinks, takes)
    bus = EventBus()

    def on_event(event: Event) -> None:
        team.trims += isinstance(event, HistoryTrimmed)

    bus.subscribe(on_event)
    loop = AgentLoop(
        team,
        TOOLS,
        bus=bus,
        tool_calling={"guided": GuidedToolCalling},
        permissions=Permissions(),
        max_steps=4,
    )
    team.loop = loop
    records = Records(folder / f"{dialect}-{seed}-{rng.random()}.db")
    try:
        asyncio.run(Talk(rng, records, team, loop, with_external).run(20))
    finally:
        records.close()
    return team


def without_reasoning(text: str) -> str:
    while (start := text.find("<think>")) >= 0:
        text = text[:start] + text[text.index("</think>\n", start) + len("</think>\n") :]
    return text


def check(team: RandomTeam) -> int:
    """Assert that prompts only grow; returns how many followed another."""
    followed = 0
    last: dict[str, Generated] = {}
    for now in team.done:
        before = last.get(now.conversation)
        last[now.conversation] = now
        if before is None:
            continue
        if now.trims > before.trims:
            # What had to go is gone, and the beginning stays.
            beginning = now.prompt.partition("<|im_end|>\n")[0]
            assert "system" not in beginning[:20] or before.prompt.startswith(beginning)
            continue
        followed += 1
        cut = without_reasoning if team.thinks else str
        prompt = cut(now.prompt)
        assert prompt.startswith(cut(before.prompt)), (before.prompt, now.prompt)
        again = now.prompt == before.prompt  # its worker had died
        after = prompt[len(cut(before.prompt)) :]
        stopped = "cancelled before" in after[:300] or "There is no answer" in after[:300]
        if before.is_arguments and stopped:
            continue
        assert again or prompt.startswith(cut(before.prompt + before.text)), (before, now.prompt)
    return followed


EXAMPLES = settings(
    max_examples=12,
    derandomize=True,
    phases=[Phase.generate],  # a smaller seed is no simpler conversation
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("dialect", ["native", "guided"])
@EXAMPLES
@given(seed=st.integers(0, 10**6))
def test_each_prompt_begins_with_the_one_before_and_its_answer(
    tmp_path: Path, dialect: ToolCallingName, seed: int
) -> None:
    assert check(talk(seed, dialect, tmp_path, n_ctx=100_000, thinks=False)) > 0


@pytest.mark.parametrize("dialect", ["native", "guided"])
@EXAMPLES
@given(seed=st.integers(0, 10**6))
def test_so_does_it_between_two_cuts_where_the_context_is_short(
    tmp_path: Path, dialect: ToolCallingName, seed: int
) -> None:
    check(talk(seed, dialect, tmp_path, n_ctx=2600, thinks=False))


@EXAMPLES
@given(seed=st.integers(0, 10**6))
def test_only_what_the_template_takes_out_is_missing(tmp_path: Path, seed: int) -> None:
    check(talk(seed, "native", tmp_path, n_ctx=100_000, thinks=True))


@pytest.mark.parametrize("dialect", ["native", "guided"])
def test_the_talks_have_in_them_what_they_should(tmp_path: Path, dialect: ToolCallingName) -> None:
    teams = [talk(seed, dialect, tmp_path, n_ctx=2600, thinks=False) for seed in range(20)]
    assert sum(team.trims for team in teams) > 0
    prompts = "".join(each.prompt for team in teams for each in team.done)
    for wanted in ["was not run", "cancelled before"]:
        assert wanted in prompts, wanted
    if dialect == "native":
        assert "At most seven" in prompts
        assert "used up" in prompts
        assert "Call it again" in prompts
        assert "No further tool can be called" in prompts
        assert "The client did call_" in prompts
        assert '"name": "call_tool", "arguments": {"name": "order_pizza"' in prompts
