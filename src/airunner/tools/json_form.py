"""A JSON schema that somebody else wrote as a form for arguments.

Owns its three readings: models are shown it as it came, arguments are checked
against it by a validator of JSON Schema, and a grammar decodes what
``airunner.json_schema.decoding`` makes of it. It is untrusted: it may be
malformed, endless, or made to keep a validator busy. No reference leads out of
it, and regular expressions are matched in linear time; what a validator cannot
take is not checked here, for the server checks its arguments itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import cached_property, lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from airunner.errors import InvalidToolError, ToolArgumentsError
from airunner.json_schema.decoding import decodable
from airunner.json_schema.effort import check_levels, checks_needed
from airunner.json_schema.plain import MAX_SCHEMA_CHARACTERS, plain_json
from airunner.json_schema.sound import sound
from airunner.messages import ToolCall
from airunner.tools.arguments import Arguments

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError, Validator

MAX_DESCRIPTION = 4000
"""Characters of one description within a schema."""

_MAX_ARGUMENTS = 16 * 1024 * 1024
_MAX_CHECKS = 5_000_000
_MAX_CHECKS_EXPLAINED = 20_000  # what is wrong with every alternative is collected
_REGEX_BYTES = 1 << 18
_PROBLEMS_SEEN = 100
_PROBLEMS_TOLD = 5
_PROBLEM_LENGTH = 200


class JsonForm:
    """The arguments that ``schema`` describes, for the tool called ``tool``.

    Raises:
        InvalidToolError: the schema cannot be used; the message says why.
    """

    def __init__(self, tool: str, schema: object) -> None:
        self._tool = tool
        try:
            plain = plain_json(schema, MAX_SCHEMA_CHARACTERS, lenient=True)
        except ValueError as error:
            raise InvalidToolError(tool, f"its schema {error}") from None
        if not isinstance(plain, dict):
            raise InvalidToolError(tool, f"its schema is {_short(repr(schema))}, no JSON schema")
        self._sound = sound({**plain, "nullable": False}, _can_match)
        kind = self._sound.get("type", "object")
        if "object" not in (kind if isinstance(kind, list) else [kind]):
            raise InvalidToolError(tool, f"its arguments are no object but {_short(str(kind))}")
        try:
            check_levels(self._sound)
            self._validator = _validator(self._sound)
        except ValueError as error:
            raise InvalidToolError(tool, f"its schema {_short(str(error))}") from None
        self.schema: dict[str, Any] = {
            "type": "object",
            "properties": {},
            **_with_short_descriptions(plain),
        }

    @cached_property
    def decoding(self) -> dict[str, Any]:
        """See ``ArgumentForm``."""
        return decodable(self._sound)

    def for_tool(self, tool: str) -> Self:
        """See ``ArgumentForm``."""
        other = copy(self)
        other._tool = tool
        return other

    def validate(self, arguments: Mapping[str, Any]) -> Arguments:
        """See ``ArgumentForm``."""
        try:
            given = plain_json(arguments, _MAX_ARGUMENTS)
            effort = checks_needed(self._sound, given)
            is_valid = self._validator.is_valid(given) if effort <= _MAX_CHECKS else None
        except ValueError as error:
            raise self._refused(f"arguments: what was written {_short(str(error))}") from None
        if not isinstance(given, dict):
            raise self._refused("arguments: an object is needed")
        if is_valid:
            return Arguments(given, given)
        if is_valid is None:
            raise self._refused("arguments: nested too deeply for what the schema lets them be")
        if effort > _MAX_CHECKS_EXPLAINED:
            raise self._refused("arguments: they match none of the schema's alternatives")
        errors = islice(self._validator.iter_errors(given), _PROBLEMS_SEEN)
        problems = sorted({_told(each) for error in errors for each in _closest(error)})
        raise self._refused("; ".join(problems[:_PROBLEMS_TOLD]))

    def _refused(self, problem: str) -> ToolArgumentsError:
        return ToolArgumentsError(self._tool, problem)


def call_matches(call: ToolCall, schema: Mapping[str, Any]) -> bool:
    """Whether a call's arguments are as the schema of its tool says; any are, where it is none."""
    if call.malformed:
        return False
    try:
        JsonForm(call.name, schema).validate(call.arguments)
    except ToolArgumentsError:
        return False
    except InvalidToolError:
        pass  # nobody can say what a schema wants that is none
    return True


def plain_text(text: str, limit: int) -> str:
    """Somebody else's text on one line of at most ``limit`` characters, all of them printable."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _validator(schema: Any) -> Validator:
    from jsonschema_rs import Draft202012Validator, RegexOptions

    options = RegexOptions(size_limit=_REGEX_BYTES)
    return Draft202012Validator(schema, pattern_options=options, offline=True)


@lru_cache(1024)
def _can_match(pattern: str) -> bool:
    """Whether the regular expression can be matched in linear time, with little memory."""
    try:
        _validator({"pattern": pattern})
    except ValueError:
        return False
    return True


def _with_short_descriptions(node: Any) -> Any:
    """``node`` with every description readable; nothing else is changed."""
    if isinstance(node, list):
        return [_with_short_descriptions(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _readable(value)
        if key == "description" and isinstance(value, str)
        else _with_short_descriptions(value)
        for key, value in node.items()
    }


def _readable(text: str) -> str:
    clean = "".join(c if c.isprintable() or c in "\n\t" else " " for c in text[:MAX_DESCRIPTION])
    return clean if len(text) <= MAX_DESCRIPTION else clean[:-1] + "…"


def _closest(error: ValidationError) -> list[ValidationError]:
    """The problems with the one alternative that was meant, where only one is of the right type."""
    branches: list[list[ValidationError]] = getattr(error.kind, "context", [])
    meant = [branch for branch in branches if not any(_is_type(e, error) for e in branch)]
    if len(meant) != 1 or not meant[0]:
        return [error]
    return [each for inner in meant[0][:_PROBLEMS_SEEN] for each in _closest(inner)]


def _is_type(error: ValidationError, whole: ValidationError) -> bool:
    return error.kind.name == "type" and error.instance_path == whole.instance_path


def _told(error: ValidationError) -> str:
    where = ".".join(str(part) for part in error.instance_path) or "arguments"
    message = error.message
    if len(message) > _PROBLEM_LENGTH:  # the value itself comes first, what is wrong last
        message = f"{message[:60]} … {message[60 - _PROBLEM_LENGTH :]}"
    return f"{plain_text(where, 80)}: {plain_text(message, _PROBLEM_LENGTH + 8)}"


def _short(text: str) -> str:
    return plain_text(text, 100)
