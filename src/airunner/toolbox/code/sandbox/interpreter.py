"""Runs or checks one script with ``pydantic-monty`` and says what came of it.

Runs inside the sandbox's process. Answers are plain values; what they mean to a
model is ``script``'s.
"""

from __future__ import annotations

import ast
import builtins
import json
import os
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from pydantic_monty import (
    Monty,
    MontyCrashedError,
    MontyError,
    MontySession,
    MontyTypingError,
)

from airunner.errors import ToolRetryError
from airunner.toolbox.code.sandbox.complaint import complaint
from airunner.toolbox.code.sandbox.confinement import confine_children
from airunner.toolbox.code.sandbox.drawings import Drawings
from airunner.toolbox.code.sandbox.limits import Limits
from airunner.toolbox.code.sandbox.offers import Files, exposed, modules
from airunner.toolbox.code.sandbox.pyplot import Pyplot

_NAME = "script.py"
_ALWAYS_WRONG = 'a_line_that_is_always_wrong: int = ""\n'
_OUT_OF_MEMORY = ("memory limit exceeded", "the worker exceeded its memory limit")
_OUT_OF_TIME = ("feed time limit exceeded", "turn time limit exceeded")
_OUT_OF_CALLS = "suspension limit"

ProblemKind = Literal["script", "time", "memory", "output", "calls", "crash"]


def run(code: str, files: Mapping[str, str], utc_offset_s: int, limits: Limits) -> dict[str, Any]:
    """Execute ``code``: what it printed, its last value, its charts, and what went wrong."""
    code = _with_plain_line_ends(code)
    drawings, printed = Drawings(), _Printed(limits)
    pyplot = Pyplot(drawings, exposed)
    problem: tuple[ProblemKind, str] | None = None
    value: object = None
    try:
        with _session(limits, pyplot=pyplot, utc_offset_s=utc_offset_s) as session:
            printed.printer = session.worker_pid
            value = session.feed_run(
                _with_value(code, limits.value_chars),
                external_lookup={"plot": drawings.plot},
                print_callback=printed.take,
                os=Files(files),
            )
        pyplot.finish()
    except MontyError as error:
        problem = _problem(error, code, flooded=printed.flooded)
    except ToolRetryError as error:
        problem = ("script", str(error))
    except MemoryError:
        problem = ("memory", "")
    except RecursionError:
        problem = ("script", "The script's last value is nested too deeply to be shown.")
    return {
        "printed": printed.text,
        "omitted": printed.omitted,
        "value": None if value in (None, "None") else str(value)[: limits.value_chars + 1],
        "charts": [chart.as_json() for chart in drawings.charts],
        "left_out": drawings.left_out,
        "problem": problem,
    }


def check(code: str, limits: Limits) -> dict[str, Any]:
    """Read ``code`` without executing it: what the type checker finds.

    A snippet is executed once it has passed the check, so it is given a first line
    that never does.
    """
    found: list[dict[str, Any]] = []
    problem: tuple[ProblemKind, str] | None = None
    try:
        with _session(limits, checked=True) as session:
            session.feed_run(_ALWAYS_WRONG + _with_plain_line_ends(code))
    except MontyTypingError as error:
        found = [_finding(entry) for entry in json.loads(error.display())]
    except MontyError as error:
        problem = _problem(error, code)
    return {"found": [entry for entry in found if _is_sure(entry)], "problem": problem}


@contextmanager
def _session(
    limits: Limits, *, pyplot: Pyplot | None = None, utc_offset_s: int = 0, checked: bool = False
) -> Iterator[MontySession]:
    with (
        Monty(min_processes=1, max_processes=1) as pool,
        pool.checkout(
            script_name=_NAME,
            limits={
                "max_feed_duration_secs": limits.time_s,
                "max_memory": limits.memory_bytes,
                "max_suspensions": limits.calls,
            },
            type_check=checked,
            type_check_format="json",
            # Nobody would see a script wait.
            os_policy={"sleep": "zero", "timezone": {"offset_seconds": utc_offset_s}},
            external_modules=modules(pyplot) if pyplot else {},
        ) as session,
    ):
        confine_children()
        yield session


class _Printed:
    """What a script prints: the beginning is kept, the rest counted.

    Its ``printer`` is the process that runs it.
    """

    printer: int | None = None

    def __init__(self, limits: Limits) -> None:
        self.text, self.omitted, self.flooded = "", 0, False
        self._limits = limits

    def take(self, stream: Literal["stdout", "stderr"], text: str) -> None:
        room = self._limits.output_chars - len(self.text)
        self.text += text[:room]
        self.omitted += len(text[room:])
        if self.omitted > self._limits.flood_chars:
            self.flooded = True
            if self.printer is not None:  # an error is heard of at the time limit alone
                os.kill(self.printer, signal.SIGKILL)
            raise ToolRetryError("The script prints too much.")


def _with_plain_line_ends(code: str) -> str:
    return code.replace("\r\n", "\n").replace("\r", "\n")


def _with_value(code: str, most_chars: int) -> str:
    """``code`` with the last expression made the text that Python shows for it.

    Inside the interpreter, because only there an object knows its own ``__repr__``,
    and because a text can be cut before it crosses. Lines keep their numbers.
    """
    try:
        last = ast.parse(code).body[-1:]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code  # the interpreter says better what is wrong
    if not last or not isinstance(last[0], ast.Expr):
        return code
    shown = last[0].value
    if shown.end_lineno is None or shown.end_col_offset is None:
        return code
    lines = [line.encode() for line in code.split("\n")]
    end = lines[shown.end_lineno - 1]
    after = f"))[:{most_chars + 1}]".encode()
    lines[shown.end_lineno - 1] = end[: shown.end_col_offset] + after + end[shown.end_col_offset :]
    start = lines[shown.lineno - 1]
    lines[shown.lineno - 1] = start[: shown.col_offset] + b"repr((" + start[shown.col_offset :]
    return b"\n".join(lines).decode()


def _problem(error: MontyError, code: str, *, flooded: bool = False) -> tuple[ProblemKind, str]:
    message = str(error.exception())
    if flooded:
        return "output", ""
    if isinstance(error, MontyCrashedError):
        return ("time", "") if error.timed_out else ("crash", message)
    if message.startswith(_OUT_OF_TIME):
        return "time", ""
    if message.startswith(_OUT_OF_MEMORY):
        return "memory", ""
    if message.startswith(_OUT_OF_CALLS):
        return "calls", ""
    return "script", complaint(error, code)


def _finding(entry: Mapping[str, Any]) -> dict[str, Any]:
    line = int(entry["location"]["row"]) - _ALWAYS_WRONG.count("\n")
    return {"line": line, "rule": entry["code"], "message": entry["message"]}


def _is_sure(finding: Mapping[str, Any]) -> bool:
    """Whether a finding holds in every Python: this checker knows the sandbox's modules alone."""
    message = str(finding["message"])
    if finding["line"] < 1 or finding["rule"] == "unresolved-import":
        return False
    if "__future__" in message or message.startswith("Module `"):
        return False
    unknown = re.fullmatch(r"Name `(\w+)` used when not defined", message)
    return unknown is None or not hasattr(builtins, unknown[1])
