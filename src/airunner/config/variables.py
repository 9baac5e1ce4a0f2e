"""Environment variables within a value: ``${NAME}``, as other programs' files have them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_ASKED = re.compile(r"\$\{(?:input|prompt):([^}]*)\}")


def with_variables(text: str, environ: Mapping[str, str] | None = None) -> str:
    """``text`` with the values of ``${NAME}`` and ``${env:NAME}``; ``environ`` is this process's.

    ``${NAME:-value}`` has a value for when there is no such variable. Anything else after
    a dollar sign stays as it is.

    Raises:
        ValueError: there is no such variable, or the user is to be asked for one; the
            message is the end of a sentence that begins with the value's name.
    """
    known = os.environ if environ is None else environ

    def value(found: re.Match[str]) -> str:
        name, otherwise = found.groups()
        if otherwise is not None:
            return known.get(name) or otherwise
        if name not in known:
            raise ValueError(f"needs the environment variable {name}, which is not set")
        return known[name]

    if asked := _ASKED.search(text):
        name = re.sub(r"\W+", "_", asked[1]).strip("_").upper() or "VALUE"
        problem = f"asks for {asked[1]!r}, which is not done here"
        raise ValueError(f"{problem}; write ${{{name}}} instead")
    return _VARIABLE.sub(value, text)
