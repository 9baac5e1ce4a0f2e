"""A tool: a typed function that a model may call.

Owns how a signature and a docstring become a schema, and the validation of
arguments against it. Running a tool (threads, time limits, failures) belongs
to the agent loop; choosing one to ``retrieval``.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints
from typing import overload as typing_overload

from airunner.errors import InvalidToolError, ToolArgumentsError
from airunner.messages import ToolSchema
from airunner.tools.docstring import Docstring, parse_docstring
from airunner.tools.schema import compact
from airunner.tools.user_words import UserWords

if TYPE_CHECKING:
    from pydantic import BaseModel

Permission = Literal["read", "write", "network", "execute"]
"""The most a tool does to the world. Recorded here; nothing asks for consent yet."""

API_PARAMETER = "api"
"""A parameter of this name is given by the agent loop and never shown to a model."""

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments that match the schema: as Python values for the function, and as JSON."""

    values: dict[str, Any]
    as_json: dict[str, Any]


class Tool:
    """A function with a name, a description, a schema and a permission class.

    Made by ``@tool``. Calling it calls the function, so a tool still serves as
    the plain function that it was.

    Attributes:
        function: what runs; may be a coroutine function.
        name: the name models call it by.
        description: one line for models; the docstring's summary by default.
        permission: the most it does to the world.
        keywords: words and phrases each of which alone marks a request for this tool.
        topics: words that speak for this tool where several come together.
        unless: words that speak against this tool, however well the others fit.
        examples: whole requests that want this tool.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        permission: Permission = "read",
        keywords: Sequence[str] = (),
        topics: Sequence[str] = (),
        unless: Sequence[str] = (),
        examples: Sequence[str] = (),
    ) -> None:
        self.function = function
        self.name: str = name or str(getattr(function, "__name__", ""))
        if not _NAME.fullmatch(self.name):
            raise InvalidToolError(
                self.name, "a name is 1 to 64 letters, digits, _ or -, and begins with a letter"
            )
        self._docstring: Docstring = parse_docstring(function.__doc__)
        self.description = description or self._docstring.summary
        if not self.description:
            raise InvalidToolError(self.name, "it needs a docstring or a description")
        self.permission: Permission = permission
        self.keywords = tuple(keywords)
        self.topics = tuple(topics)
        self.unless = tuple(unless)
        self.examples = tuple(examples)
        signature = inspect.signature(function)
        self.takes_api = API_PARAMETER in signature.parameters
        self._parameters = {n: p for n, p in signature.parameters.items() if n != API_PARAMETER}
        for parameter in self._parameters.values():
            self._check(parameter)

    def __repr__(self) -> str:
        return f"Tool({self.name!r})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function as it was written, without validation."""
        return self.function(*args, **kwargs)

    @property
    def is_async(self) -> bool:
        """Whether the function is a coroutine function."""
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The JSON schema of the arguments, compact and of type object.

        Raises:
            InvalidToolError: a parameter's type has no JSON schema.
        """
        from pydantic.errors import PydanticInvalidForJsonSchema

        try:
            raw = self._model.model_json_schema()
        except PydanticInvalidForJsonSchema as error:
            raise InvalidToolError(self.name, error.message) from error
        schema = compact(self.name, raw)
        schema.setdefault("required", [])
        schema.pop("description", None)
        return schema

    @cached_property
    def schema(self) -> ToolSchema:
        """What a model is told."""
        return ToolSchema(self.name, self.description, self.parameters)

    @cached_property
    def user_words(self) -> dict[str, UserWords]:
        """The parameters that take the user's own words, each with its mark."""
        return {
            name: mark
            for name, hint in self._hints.items()
            if get_origin(hint) is Annotated
            for mark in get_args(hint)[1:]
            if isinstance(mark, UserWords)
        }

    def validate(self, arguments: Mapping[str, Any]) -> Arguments:
        """Check ``arguments`` against the schema.

        Harmless differences that models make, such as ``"3"`` for a number, are
        put right; ``Arguments.as_json`` is what the schema asks for.

        Raises:
            ToolArgumentsError: they do not match; the message names each field.
        """
        from pydantic import ValidationError

        try:
            checked = self._model.model_validate(dict(arguments))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(str(part) for part in item['loc']) or 'arguments'}: {item['msg']}"
                for item in error.errors(include_url=False, include_context=False)
            )
            raise ToolArgumentsError(self.name, problems) from error
        given = checked.model_fields_set
        values = {
            name: getattr(checked, _field(name))
            for name in self._parameters
            if _field(name) in given
        }
        return Arguments(values, checked.model_dump(mode="json", by_alias=True, exclude_unset=True))

    def start(self, arguments: Arguments, api: Any = None) -> Any:
        """Call the function: its value, or its coroutine if ``is_async``."""
        extra = {API_PARAMETER: api} if self.takes_api else {}
        return self.function(**arguments.values, **extra)

    def _check(self, parameter: inspect.Parameter) -> None:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise InvalidToolError(self.name, f"*{parameter.name} cannot be described to a model")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise InvalidToolError(self.name, f"{parameter.name} must be usable by name")
        if parameter.annotation is parameter.empty:
            raise InvalidToolError(self.name, f"parameter {parameter.name} needs a type")

    @cached_property
    def _hints(self) -> dict[str, Any]:
        try:
            hints = get_type_hints(self.function, include_extras=True)
        except NameError as error:
            raise InvalidToolError(
                self.name, f"the type {error.name} is not known where the function is defined"
            ) from error
        return {name: hints[name] for name in self._parameters}

    @cached_property
    def _model(self) -> type[BaseModel]:
        from pydantic import ConfigDict, Field, create_model
        from pydantic.errors import PydanticUserError

        fields: dict[str, Any] = {}
        for name, parameter in self._parameters.items():
            default = ... if parameter.default is parameter.empty else parameter.default
            described = self._docstring.parameters.get(name)
            fields[_field(name)] = (
                self._hints[name],
                Field(default, alias=name, description=described),
            )
        config = ConfigDict(extra="forbid", protected_namespaces=())
        try:
            return create_model(self.name, __config__=config, **fields)
        except PydanticUserError as error:
            raise InvalidToolError(self.name, error.message) from error


@typing_overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@typing_overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    permission: Permission = "read",
    keywords: Sequence[str] = (),
    topics: Sequence[str] = (),
    unless: Sequence[str] = (),
    examples: Sequence[str] = (),
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    permission: Permission = "read",
    keywords: Sequence[str] = (),
    topics: Sequence[str] = (),
    unless: Sequence[str] = (),
    examples: Sequence[str] = (),
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a typed function a tool, bare (``@tool``) or with arguments (``@tool(name=...)``).

    Raises:
        InvalidToolError: the function has no description, or a parameter without a type.
    """

    def make(wrapped: Callable[..., Any]) -> Tool:
        return Tool(
            wrapped,
            name=name,
            description=description,
            permission=permission,
            keywords=keywords,
            topics=topics,
            unless=unless,
            examples=examples,
        )

    return make if function is None else make(function)


def text_of(value: Any) -> str:
    """A tool's return value as a model reads it: text as it is, anything else as JSON."""
    if isinstance(value, str):
        # A lone surrogate cannot be sent to an engine.
        return value.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """What ``json`` cannot write by itself: models and dataclasses by field, the rest as text."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value, fallback=str)


def _field(name: str) -> str:
    """A field name that cannot shadow an attribute of pydantic's model class."""
    return f"arg_{name}"
