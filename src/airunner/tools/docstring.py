"""Reading a docstring: the summary, and what each parameter is for.

Owns the three layouts in common use (Google, NumPy, Sphinx). A docstring in
none of them still has a summary. Knows nothing of signatures or schemas.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field

_GOOGLE_ARGUMENTS = re.compile(r"(?:Args|Arguments|Parameters):\s*$")
_NUMPY_ARGUMENTS = re.compile(r"(?:Other )?Parameters\s*$")
_UNDERLINE = re.compile(r"-{3,}\s*$")
_SECTION = re.compile(r"[A-Z][A-Za-z ]{2,24}:\s*$")
_GOOGLE_ITEM = re.compile(r"\*{0,2}(\w+)(?:\s*\([^)]*\))?\s*:\s*(.*)$")
_NUMPY_ITEM = re.compile(r"\*{0,2}(\w+(?:\s*,\s*\w+)*)\s*(?::.*)?$")
_SPHINX_ITEM = re.compile(r":param(?:\s+[^:]*?)?\s+(\w+)\s*:\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Docstring:
    """The first paragraph on one line, and each described parameter's text on one line."""

    summary: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def parse_docstring(text: str | None) -> Docstring:
    """Read a docstring as ``function.__doc__`` has it; ``None`` is an empty one."""
    lines = inspect.cleandoc(text or "").splitlines()
    return Docstring(summary=_summary(lines), parameters=_parameters(lines))


def _summary(lines: list[str]) -> str:
    first: list[str] = []
    for line in lines:
        if not line.strip() or _SECTION.match(line) or _SPHINX_ITEM.match(line):
            break
        first.append(line.strip())
    return " ".join(first)


def _parameters(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for number, line in enumerate(lines):
        if _GOOGLE_ARGUMENTS.match(line):
            found |= _google(lines[number + 1 :])
        elif _NUMPY_ARGUMENTS.match(line) and _is_underlined(lines, number):
            found |= _numpy(lines[number + 2 :])
        elif item := _SPHINX_ITEM.match(line):
            found[item[1]] = [item[2], *_indented(lines[number + 1 :])]
    return {name: " ".join(" ".join(parts).split()) for name, parts in found.items()}


def _google(lines: list[str]) -> dict[str, list[str]]:
    """Items at the block's own indentation; anything deeper continues the item above."""
    found: dict[str, list[str]] = {}
    base = 0
    current: list[str] = []
    for line in lines:
        indent = _indent(line)
        if not line.strip():
            continue
        if indent == 0:
            break
        base = base or indent
        item = _GOOGLE_ITEM.match(line.strip()) if indent == base else None
        if item:
            current = found[item[1]] = [item[2]]
        else:
            current.append(line.strip())
    return found


def _numpy(lines: list[str]) -> dict[str, list[str]]:
    """Names stand at the margin, their descriptions below, indented."""
    found: dict[str, list[str]] = {}
    for number, line in enumerate(lines):
        if not line.strip() or _indent(line) > 0:
            continue
        item = _NUMPY_ITEM.match(line)
        if item is None or _is_underlined(lines, number):
            break
        for name in item[1].split(","):
            found[name.strip()] = _indented(lines[number + 1 :])
    return found


def _indented(lines: list[str]) -> list[str]:
    block: list[str] = []
    for line in lines:
        if line.strip() and _indent(line) == 0:
            break
        block.append(line.strip())
    return block


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_underlined(lines: list[str], number: int) -> bool:
    return number + 1 < len(lines) and bool(_UNDERLINE.match(lines[number + 1]))
