"""What a tool's arguments are: their schema, and values that match it.

Owns the interface between a tool and wherever its schema comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments that match the schema: as Python values for the function, and as JSON."""

    values: dict[str, Any]
    as_json: dict[str, Any]


class ArgumentForm(Protocol):
    """The arguments a tool takes."""

    @property
    def schema(self) -> dict[str, Any]:
        """Their JSON schema, of type object, as a model is shown it.

        Raises:
            InvalidToolError: a parameter's type has no JSON schema.
        """
        ...

    @property
    def decoding(self) -> dict[str, Any]:
        """A finite schema for decoding and for reading: whatever ``schema`` accepts, it accepts.

        Of type object, with ``properties`` and ``required``, and without references.
        """
        ...

    @property
    def hints(self) -> Mapping[str, Any]:
        """The parameters' Python types, as far as there are any."""
        ...

    def for_tool(self, tool: str) -> ArgumentForm:
        """The same arguments, for the tool called ``tool``: errors speak of it."""
        ...

    def validate(self, arguments: Mapping[str, Any]) -> Arguments:
        """Check arguments as a model wrote them.

        Raises:
            ToolArgumentsError: they do not match; the message names each field.
        """
        ...
