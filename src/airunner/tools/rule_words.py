"""What a rule for tools covers, in words.

Pure; which rule wins is ``tools.permissions``'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from airunner.config.values import call_pattern
from airunner.tools.tool import Tool

CLASSES = {
    "read": "every tool that only reads",
    "write": "every tool that changes files or what is remembered",
    "network": "every tool that reaches the network",
    "execute": "every tool that runs programs or code",
}
_MOST_NAMED = 6


def covers(pattern: str, tools: Iterable[Tool]) -> str:
    """The calls that ``pattern`` speaks of, among those of ``tools``.

    Raises:
        ValueError: it is no pattern.
    """
    name, arguments = call_pattern(pattern)
    if name.startswith("@"):
        words = CLASSES[name.removeprefix("@")]
    elif set(name) & set("*?["):
        words = _matching(sorted(tool.name for tool in tools if fnmatchcase(tool.name, name)))
    else:
        found = next((tool for tool in tools if tool.name == name), None)
        words = "no tool of this name" if found is None else _one(found, whole=not arguments)
    if not arguments:
        return words
    fits = [
        f"{key} is anything"
        if wanted == "*"
        else f"{key} fits {wanted}"
        if set(wanted) & set("*?[")
        else f"{key} is {wanted}"
        for key, wanted in arguments
    ]
    return f"{words}, where {' and '.join(fits)}"


def _matching(names: list[str]) -> str:
    if not names:
        return "no tool of such a name"
    named = ", ".join(names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"the tool{'s' * (len(names) > 1)} {named}{more}"


def _one(tool: Tool, whole: bool) -> str:
    if not whole:
        return f"calls of {tool.name}"
    first = tool.description.split(". ")[0].strip().rstrip(".")
    return first[:1].lower() + first[1:]
