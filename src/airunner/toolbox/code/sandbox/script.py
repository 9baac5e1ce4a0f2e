"""A script that a model wrote: running it, checking it, and what a model learns of it.

Owns the way into the sandbox and the words of its results and failures. What comes
out of the sandbox is believed no more than what went in: charts are checked again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from airunner.durations import format_seconds
from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.charts.chart import Chart, chart_of
from airunner.toolbox.code.sandbox.drawings import MOST_CHARTS
from airunner.toolbox.code.sandbox.limits import Limits
from airunner.toolbox.code.sandbox.process import Finished, converse

_ANSWER_BYTES = 16 << 20
_SHOWN_BEFORE_FAILURE = 1500

_NONSENSE = "the sandbox answered nonsense"
_STOPPED = {
    "time": "the script was stopped after {time} of computing",
    "memory": "the script was stopped because it needed more than {memory_mib} MiB of memory",
    "output": "the script was stopped because it printed without end",
    "calls": "the script was stopped after {limits.calls:,} calls of functions from outside, "
    "such as plot",
    "crash": "the interpreter crashed on this script",
    "missing": "scripts need pydantic-monty, which is not installed: pip install 'airunner[code]'",
}


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """What a script did.

    Attributes:
        printed: what it printed, from the beginning.
        omitted: how many characters more it printed.
        value: what Python shows for its last expression, or ``None``.
        charts: what it wants drawn.
        left_out: what it asked of the charts and they do not show.
    """

    printed: str = ""
    omitted: int = 0
    value: str | None = None
    charts: tuple[Chart, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a script that was only read."""

    line: int
    rule: str
    message: str


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs scripts, each in a process of its own.

    Attributes:
        tool: the name of the tool that failures speak of.
        limits: what a script may take.
        cancelled: asked several times a second; once true, the script is killed.
    """

    tool: str
    limits: Limits = field(default_factory=Limits)
    cancelled: Callable[[], bool] = _never

    def run(self, code: str, files: Mapping[str, str] | None = None) -> ScriptResult:
        """Execute ``code``, which may read ``files``: their texts by name.

        Raises:
            ToolRetryError: the script has a mistake; with its line and a traceback.
            ToolFailedError: it was stopped, or there is no sandbox.
        """
        offset = datetime.now().astimezone().utcoffset()
        answer = self._ask(
            do="run",
            code=_sendable(code),
            files=dict(files or {}),
            utc_offset_s=int(offset.total_seconds()) if offset else 0,
        )
        self._raise(answer)
        try:
            return _result(answer)
        except (KeyError, TypeError, ValueError, ToolRetryError) as error:
            raise ToolFailedError(self.tool, _NONSENSE) from error

    def check(self, code: str) -> list[Finding]:
        """What is wrong with ``code``, without executing it.

        Raises:
            ToolFailedError: it could not be checked.
        """
        answer = self._ask(do="check", code=_sendable(code))
        self._raise(answer)
        return [Finding(**entry) for entry in answer["found"]]

    def _ask(self, **job: Any) -> dict[str, Any]:
        line = json.dumps({**job, "limits": asdict(self.limits)}).encode() + b"\n"
        try:
            finished = converse(
                line,
                wall_s=self.limits.wall_s,
                most_bytes=_ANSWER_BYTES,
                cancelled=self.cancelled,
            )
        except OSError as error:
            problem = f"the sandbox could not be started: {error.strerror or error}"
            raise ToolFailedError(self.tool, problem) from error
        try:
            answer = json.loads(finished.answer)
        except ValueError as error:
            raise ToolFailedError(self.tool, self._unfinished(finished)) from error
        return answer if isinstance(answer, dict) else {}

    def _unfinished(self, finished: Finished) -> str:
        if finished.ending == "cancelled":
            return "the call was given up, and the script was stopped"
        if finished.ending == "out of time":
            return f"the script was stopped after {format_seconds(self.limits.wall_s)}"
        if finished.ending == "too much output":
            return "the script was stopped because its results are too large"
        code = finished.code
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        said = "; ".join([how, *finished.log.splitlines()[-1:]])
        return f"the sandbox's process ended unexpectedly ({said})"

    def _raise(self, answer: Mapping[str, Any]) -> None:
        """Raise what went wrong in the sandbox, if anything did."""
        problem = answer.get("problem")
        if not problem:
            return
        kind, text = problem
        printed = str(answer.get("printed", ""))[:_SHOWN_BEFORE_FAILURE]
        before = f"\nPrinted until then:\n{printed}" if printed else ""
        if kind == "script":
            raise ToolRetryError(f"The script has a mistake.\n{text}{before}")
        stopped = _STOPPED.get(kind, _STOPPED["crash"]).format(
            limits=self.limits,
            time=format_seconds(self.limits.time_s),
            memory_mib=self.limits.memory_bytes >> 20,
        )
        raise ToolFailedError(self.tool, f"{stopped}.{before}")


def _sendable(code: str) -> str:
    """Without lone surrogates, which no Python source can hold."""
    return code.encode("utf-8", "replace").decode("utf-8")


def _result(answer: Mapping[str, Any]) -> ScriptResult:
    charts = tuple(chart_of(**chart) for chart in answer["charts"][:MOST_CHARTS])
    value = answer["value"]
    return ScriptResult(
        str(answer["printed"]),
        int(answer["omitted"]),
        None if value is None else str(value),
        charts,
        tuple(map(str, answer["left_out"])),
    )
