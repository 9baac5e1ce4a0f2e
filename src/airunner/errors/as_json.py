"""Errors as JSON, so that what a server raises is raised in the program that asked it.

Owns both directions. Fields come back as JSON has them: a path as text, a tuple as a list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airunner import errors
from airunner.errors.base import AiRunnerError


def error_as_json(error: AiRunnerError) -> dict[str, Any]:
    """The error's class, message and fields."""
    known = type(error)
    while known.__name__ not in vars(errors):  # a subclass that only its own module knows
        known = known.__mro__[1]
    # What somebody asked for may be infinite, which JSON has no number for.
    fields = json.loads(json.dumps(vars(error), default=str), parse_constant=str)
    return {"error": known.__name__, "message": str(error), "fields": fields}


def error_from_json(value: Mapping[str, Any]) -> AiRunnerError:
    """The error that ``error_as_json`` wrote; an ``AiRunnerError`` where there is no such class."""
    kind = vars(errors).get(str(value.get("error")), AiRunnerError)
    # Not by its constructor, which would word the message anew from half of the facts.
    error: AiRunnerError = kind.__new__(kind)
    Exception.__init__(error, value.get("message", ""))
    vars(error).update(value.get("fields", {}))
    return error
