"""A tool: a function that a model may call, with what the model and the user must know of it.

Owns the tool and the decorator. The schema of its arguments and their
validation are in ``signature`` (a Python signature) and ``json_form`` (a JSON
schema from elsewhere). Running a tool (threads, permission, time limits,
failures) belongs to the agent loop; finding one to ``search``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, Literal, TypedDict, Unpack, get_args, overload

from airunner.errors import InvalidToolError
from airunner.json_schema.plain import encodable
from airunner.messages import ToolSchema
from airunner.models.spec import ModelCapability
from airunner.tools.arguments import ArgumentForm, Arguments
from airunner.tools.docstring import parse_docstring
from airunner.tools.foreign_names import ForeignNames
from airunner.tools.meaning import Resolver
from airunner.tools.signature import SignatureForm

Permission = Literal["read", "write", "network", "execute"]
"""The most a tool does to the world; ``permissions`` decides by it."""

API_PARAMETER = "api"
"""A parameter of this name is given by the agent loop and never shown to a model."""

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")


class Tool:
    """A function with a name, a description, a schema and a permission class.

    Made by ``@tool``. Calling it calls the function, so a tool still serves as
    the plain function that it was.

    Attributes:
        function: what runs; may be a coroutine function.
        name: the name models call it by.
        description: one line for models; the docstring's summary by default.
        permission: the most it does to the world.
        uses: the capabilities of the models that a call needs, in that order.
        needs: the modules without which it cannot run, and which are not installed with the rest.
        timeout_s: how long it may take, where that is not what the settings say.
        resolve: for arguments that name a file or an address, what finds out which.
        names: for tools of other programs, what their arguments may name.
        approval: whether its calls run unasked or ask first, where the class does not say.
        revision: says what has become of a tool that others can change; empty for what it was.

    ``examples`` are whole requests that want this tool, by which it is found; ten that differ
    in their words are many. Without any, it is found by its name and description.

    ``form`` is for a function that takes whatever arguments it is given, and
    whose schema comes from somewhere else.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        permission: Permission = "read",
        examples: Sequence[str] = (),
        uses: Sequence[ModelCapability] = (),
        needs: Sequence[str] = (),
        form: ArgumentForm | None = None,
        timeout_s: float | None = None,
        resolve: Mapping[str, Resolver] = MappingProxyType({}),
        names: ForeignNames | None = None,
        revision: Callable[[], str] = str,
    ) -> None:
        self.function = function
        self.name = _checked(name or str(getattr(function, "__name__", "")))
        docstring = parse_docstring(function.__doc__)
        self.description = description or docstring.summary
        if not self.description:
            raise InvalidToolError(self.name, "it needs a docstring or a description")
        if permission not in get_args(Permission):
            known = ", ".join(get_args(Permission))
            raise InvalidToolError(
                self.name, f"permission={permission!r}; it must be one of {known}"
            )
        self.permission: Permission = permission
        self._examples: Callable[[], Sequence[str]] = partial(tuple, examples)
        self.uses = tuple(uses)
        self.needs = tuple(needs)
        self.timeout_s = timeout_s
        self.resolve = resolve
        self.names = names
        self.revision = revision
        self.approval: Literal["allow", "ask"] | None = None
        if form is None:
            signature = SignatureForm(function, self.name, docstring, hidden=API_PARAMETER)
            self.takes_api = signature.has_hidden
            self._form: ArgumentForm = signature
        else:
            self.takes_api = False
            self._form = form

    def __repr__(self) -> str:
        return f"Tool({self.name!r})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function as it was written, without validation."""
        return self.function(*args, **kwargs)

    @property
    def examples(self) -> tuple[str, ...]:
        """Whole requests that want this tool, by which it is found."""
        return tuple(self._examples())

    def with_examples(self, read: Callable[[], Sequence[str]]) -> Tool:
        """The same tool with the examples that ``read`` gives when they are first wanted."""
        changed = copy(self)
        changed._examples = read
        return changed

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON schema of the arguments, of type object, as a model is shown it.

        Raises:
            InvalidToolError: a parameter's type has no JSON schema.
        """
        return self._form.schema

    @property
    def decoding(self) -> dict[str, Any]:
        """The schema that arguments are decoded under; never stricter than ``parameters``.

        It has ``properties`` and ``required``, and no references.
        """
        return self._form.decoding

    @cached_property
    def schema(self) -> ToolSchema:
        """What a model is told."""
        return ToolSchema(self.name, self.description, self.parameters)

    def validate(self, arguments: Mapping[str, Any]) -> Arguments:
        """Check ``arguments`` against the schema.

        Harmless differences that models make, such as ``"3"`` for a number, are
        put right; ``Arguments.as_json`` is what the schema asks for.

        Raises:
            ToolArgumentsError: they do not match; the message names each field.
        """
        return self._form.validate(arguments)

    def changed(self, *, name: str = "", approval: Literal["allow", "ask"] | None = None) -> Tool:
        """The same tool under another name, or with another ``approval``; else as it is.

        Raises:
            InvalidToolError: that is no name.
        """
        other = copy(self)
        other.__dict__.pop("schema", None)
        if name:
            other.name = _checked(name)
            other._form = self._form.for_tool(name)
        other.approval = approval or self.approval
        return other

    def start(self, arguments: Arguments, api: Any = None) -> Any:
        """Call the function: its value, or the coroutine of a coroutine function."""
        extra = {API_PARAMETER: api} if self.takes_api else {}
        return self.function(**arguments.values, **extra)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidToolError(
            name, "a name is 1 to 64 letters, digits, _ or -, and begins with a letter"
        )
    return name


class ToolOptions(TypedDict, total=False):
    """What ``@tool`` may be given; see ``Tool``."""

    name: str | None
    description: str | None
    permission: Permission
    examples: Sequence[str]
    uses: Sequence[ModelCapability]
    needs: Sequence[str]
    timeout_s: float | None
    resolve: Mapping[str, Resolver]


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def tool(**options: Unpack[ToolOptions]) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    function: Callable[..., Any] | None = None, /, **options: Unpack[ToolOptions]
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a typed function a tool, bare (``@tool``) or with arguments (``@tool(name=...)``).

    Raises:
        InvalidToolError: the function has no description, or a parameter without a type.
    """

    def make(wrapped: Callable[..., Any]) -> Tool:
        return Tool(wrapped, **options)

    return make if function is None else make(function)


def as_tool(given: Tool | Callable[..., Any]) -> Tool:
    """A tool as it is, or one made of a plain function.

    Raises:
        InvalidToolError: see ``tool``.
    """
    return given if isinstance(given, Tool) else Tool(given)


def text_of(value: Any) -> str:
    """A tool's return value as a model reads it: text as it is, anything else as JSON."""
    if isinstance(value, str):
        return encodable(value)
    return encodable(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    """What ``json`` cannot write by itself: models and dataclasses by field, the rest as text."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value, fallback=str)
