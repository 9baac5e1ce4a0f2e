"""What went wrong in a script, in words that help whoever wrote it.

Runs inside the sandbox's process. Owns the form of a traceback and the advice on
what this Python lacks; whether the script may be tried again is ``interpreter``'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic_monty import Frame, MontyError, MontyRuntimeError, MontySyntaxError

from airunner.toolbox.code.sandbox.offers import IMPORTABLE

_MOST_FRAMES = 6
_LONGEST_LINE = 160
_LONGEST_MESSAGE = 600

_ADVICE = (
    (
        r"No module named|cannot import name",
        f"Only these modules can be imported: {', '.join(IMPORTABLE)}.",
    ),
    (
        r"^PermissionError|^FileNotFoundError|not supported in this environment|module 'os' has",
        "A script reaches no files but the one it was given, no network, no other processes "
        "and no environment. Put the data into the script, and print what is wanted.",
    ),
    (r"'input' is not defined", "Nobody can be asked; put the values into the script."),
    (
        r"'(?:exit|quit)' is not defined|module 'sys' has no attribute 'exit'|SystemExit",
        "Let the script end by itself.",
    ),
    (
        r"matplotlib|'Axes' object|'Figure' object",
        'Only the usual functions of pyplot are here; plot("bar", labels, values, title="...") '
        "draws a chart as well.",
    ),
    (
        r"not (?:yet )?support|'(?:super|classmethod|staticmethod|vars|dir)' is not defined",
        "This Python lacks some things, among them yield, inheritance between classes, "
        "decorated methods and del. Use plain functions, lists and dictionaries.",
    ),
)


def complaint(error: MontyError, code: str) -> str:
    """The traceback of ``error`` by the lines of ``code``, and what to do about it."""
    frames = error.traceback() if isinstance(error, (MontyRuntimeError, MontySyntaxError)) else []
    inner = error.exception()
    message = f"{type(inner).__name__}: {inner}"[:_LONGEST_MESSAGE]
    lines = [*_traced(frames, code.split("\n")), message]
    lines += [advice for pattern, advice in _ADVICE if re.search(pattern, message)][:1]
    return "\n".join(lines)


def _traced(frames: Sequence[Frame], code: Sequence[str]) -> list[str]:
    lines = []
    skipped = len(frames) - _MOST_FRAMES
    for frame in [*frames[:1], *frames[1:][-_MOST_FRAMES + 1 :]]:
        inside = frame.function_name
        where = f", in {inside}" if inside and inside != "<module>" else ""
        own = frame.filename != "<string>" and 0 < frame.line <= len(code)
        text = code[frame.line - 1] if own else frame.source_line or ""
        lines.append(f"line {frame.line}{where}: {text.strip()[:_LONGEST_LINE]}")
    if skipped > 0:
        lines.insert(1, f"({skipped} more calls)")
    return lines
