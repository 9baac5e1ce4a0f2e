"""A Python signature as a form for arguments: types and a docstring become a schema.

Owns the pydantic model behind a tool. The docstring is read in ``docstring``
and the schema made small in ``schema``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, get_type_hints

from airunner.errors import InvalidToolError, ToolArgumentsError
from airunner.json_schema.plain import sound_texts
from airunner.tools.arguments import Arguments
from airunner.tools.docstring import Docstring
from airunner.tools.schema import compact

if TYPE_CHECKING:
    from pydantic import BaseModel


class SignatureForm:
    """The arguments of ``function``, without the one called ``hidden``.

    Raises:
        InvalidToolError: a parameter has no type, or cannot be given by name.
    """

    def __init__(
        self, function: Callable[..., Any], tool: str, docstring: Docstring, *, hidden: str
    ) -> None:
        self._function, self._tool, self._docstring = function, tool, docstring
        signature = inspect.signature(function)
        self.has_hidden = hidden in signature.parameters
        self._parameters = {n: p for n, p in signature.parameters.items() if n != hidden}
        for parameter in self._parameters.values():
            self._check(parameter)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """See ``ArgumentForm``."""
        from pydantic.errors import PydanticInvalidForJsonSchema

        try:
            raw = self._model.model_json_schema()
        except PydanticInvalidForJsonSchema as error:
            raise InvalidToolError(self._tool, error.message) from error
        schema = compact(self._tool, raw)
        schema.setdefault("required", [])
        schema.pop("description", None)
        return schema

    @property
    def decoding(self) -> dict[str, Any]:
        """See ``ArgumentForm``; what pydantic makes is finite once its references are in place."""
        return self.schema

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        try:
            hints = get_type_hints(self._function, include_extras=True)
        except NameError as error:
            raise InvalidToolError(
                self._tool, f"the type {error.name} is not known where the function is defined"
            ) from error
        return {name: hints[name] for name in self._parameters}

    def for_tool(self, tool: str) -> Self:
        """See ``ArgumentForm``."""
        other = copy(self)
        other._tool = tool
        return other

    def validate(self, arguments: Mapping[str, Any]) -> Arguments:
        """See ``ArgumentForm``."""
        from pydantic import ValidationError

        try:
            checked = self._model.model_validate(sound_texts(dict(arguments)))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(str(part) for part in item['loc']) or 'arguments'}: {item['msg']}"
                for item in error.errors(include_url=False, include_context=False)
            )
            raise ToolArgumentsError(self._tool, problems) from error
        given = checked.model_fields_set
        values = {
            name: getattr(checked, _field(name))
            for name in self._parameters
            if _field(name) in given
        }
        return Arguments(values, checked.model_dump(mode="json", by_alias=True, exclude_unset=True))

    def _check(self, parameter: inspect.Parameter) -> None:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise InvalidToolError(self._tool, f"*{parameter.name} cannot be described to a model")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise InvalidToolError(self._tool, f"{parameter.name} must be usable by name")
        if parameter.annotation is parameter.empty:
            raise InvalidToolError(self._tool, f"parameter {parameter.name} needs a type")

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
            return create_model(self._tool, __config__=config, **fields)
        except PydanticUserError as error:
            raise InvalidToolError(self._tool, error.message) from error


def _field(name: str) -> str:
    """A field name that cannot shadow an attribute of pydantic's model class."""
    return f"arg_{name}"
