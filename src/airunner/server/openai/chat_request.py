"""What a client may ask of ``/v1/chat/completions``.

Owns the check of a request's form. Fields that are not named here are allowed: clients of
many kinds send their own, and the engine takes some of them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from airunner.server.message_order import in_order
from airunner.server.request_parts import ContentPart, Open

MOST_CHOICES = 8
MOST_TOKENS = 2**31 - 1


class ChatMessage(Open):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart | str] | None = None
    name: str | None = None
    tool_calls: list[CallMade] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    reasoning: Any = None


class FunctionCalled(Open):
    """The function of a call, and its arguments as JSON text."""

    name: str
    arguments: str | dict[str, Any] | None = None


class CallMade(Open):
    """A call that the assistant made earlier."""

    id: str | None = None
    type: str = "function"
    function: FunctionCalled


class FunctionOffered(Open):
    """A function that the model may call."""

    name: str = Field(min_length=1)
    description: str | None = None
    parameters: dict[str, Any] | None = None


class ToolOffered(Open):
    """A tool of the client; kinds other than functions are passed over."""

    type: str = "function"
    function: FunctionOffered | None = None


class FunctionNamed(Open):
    """The name of a function."""

    name: str


class NamedTool(Open):
    """A tool by its name; kinds other than functions are passed over."""

    type: str = "function"
    function: FunctionNamed | None = None


class AllowedTools(Open):
    """Some of the tools, of which one may or must be called."""

    mode: Literal["auto", "required"] = "auto"
    tools: list[NamedTool] = Field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """The functions that are allowed."""
        return {tool.function.name for tool in self.tools if tool.function is not None}


class ToolChoice(Open):
    """A tool that must be called, or those that may be."""

    type: str = "function"
    function: FunctionNamed | None = None
    allowed_tools: AllowedTools | None = None


class SchemaForm(Open):
    """A JSON schema that the answer has to match."""

    name: str = ""
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")


class ResponseFormat(Open):
    """The form of the answer."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaForm | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")

    @model_validator(mode="after")
    def _has_its_schema(self) -> ResponseFormat:
        if self.type == "json_schema" and (
            self.json_schema is None or self.json_schema.schema_ is None
        ):
            raise ValueError("type json_schema wants a schema in json_schema.schema")
        return self


class StreamOptions(Open):
    """How a streamed answer ends."""

    include_usage: bool | None = None


def checked(body: dict[str, Any]) -> dict[str, Any]:
    """The body of a request that another API's became, checked like one that came as such.

    Raises:
        RequestValidationError: a value cannot be.
    """
    try:
        return ChatCompletionRequest.model_validate(body).checked()
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def _limit(tokens: int | None) -> int | None:
    """Clients that were made for llama-server say -1 where they have no limit."""
    return None if tokens == -1 else tokens


Limit = Annotated[
    Annotated[int, Field(ge=1, le=MOST_TOKENS)] | None,
    BeforeValidator(_limit),
]


def _without_empty(stop: str | list[str] | None) -> str | list[str] | None:
    """Empty texts, which clients send where nothing is set, would end every answer at once."""
    return [each for each in stop if each] if isinstance(stop, list) else stop or None


Stop = Annotated[str | list[str] | None, AfterValidator(_without_empty)]
"""Texts at which an answer ends."""


class ChatCompletionRequest(Open):
    """The body of a chat completion's request."""

    model: str = Field(min_length=1)
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: Limit = None
    max_completion_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    temperature: float | None = Field(default=None, ge=0, le=100)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: int | None = Field(default=None, ge=-1, le=MOST_TOKENS)
    min_p: float | None = Field(default=None, ge=0, le=1)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    repeat_penalty: float | None = Field(default=None, ge=0, le=10)
    seed: int | None = Field(default=None, ge=-(2**63), le=2**63 - 1)
    n: int | None = Field(default=None, ge=1, le=MOST_CHOICES)
    stop: Stop = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    logit_bias: dict[str, float] | None = None
    tools: list[ToolOffered] | None = None
    tool_choice: Literal["auto", "none", "required"] | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    chat_template_kwargs: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _has_the_tools_it_chooses(self) -> ChatCompletionRequest:
        names = {t.function.name for t in self.tools or () if t.function is not None}
        if len(names) < sum(t.function is not None for t in self.tools or ()):
            raise ValueError("two tools have the same name")
        choice = self.tool_choice
        if choice == "required" and not names:
            raise ValueError("tool_choice: a call is required, and no tool is offered")
        if isinstance(choice, ToolChoice) and choice.function is not None:
            if choice.function.name not in names:
                raise ValueError(f"tool_choice: no tool {choice.function.name!r} is offered")
        elif isinstance(choice, ToolChoice):
            if choice.allowed_tools is None:
                raise ValueError("tool_choice: it names neither a function nor allowed_tools")
            allowed = choice.allowed_tools.names
            if missing := sorted(allowed - names):
                raise ValueError(f"tool_choice: no tool {missing[0]!r} is offered")
            if choice.allowed_tools.mode == "required" and not allowed:
                raise ValueError("tool_choice: a call is required, and no tool is allowed")
        return self

    def checked(self) -> dict[str, Any]:
        """The request with its messages in order, and without what is of no kind that we know."""
        body = self.model_dump(by_alias=True, exclude_unset=True)
        body["messages"] = in_order(body["messages"])
        if self.tools is not None:
            kept = [tool for tool in body["tools"] if tool.get("function")]
            body["tools"] = [{**tool, "type": "function"} for tool in kept]
        form = body.get("response_format") or {}
        if form.get("type") == "json_object" and form.get("schema") is not None:
            # As llama-server's clients ask for it.
            schema = {"name": "answer", "schema": form["schema"]}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        seed = body.get("seed")
        if seed is not None:
            body["seed"] = seed % 2**32
        return body
