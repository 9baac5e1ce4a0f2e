"""The errors about tools; ``airunner.errors`` draws the whole tree."""

from __future__ import annotations

from collections.abc import Sequence

from airunner.durations import format_seconds
from airunner.errors.base import AiRunnerError, alike

_NAMES_TOLD = 12


class ToolError(AiRunnerError):
    """Base of errors about tools."""


class UnknownToolError(ToolError):
    """A tool name that was not offered; ``now`` is the tool that does its work since it is gone."""

    def __init__(self, tool: str, offered: Sequence[str], now: str = "") -> None:
        self.tool, self.offered, self.now = tool, tuple(offered), now
        close = [now] if now else alike(tool, self.offered, 3)
        some = ", ".join(self.offered[:_NAMES_TOLD]) or "none"
        more = len(self.offered) - _NAMES_TOLD
        hint = (
            f"Did you mean {' or '.join(close)}?"
            if close
            else f"Offered: {some}" + (f" and {more} more." if more > 0 else ".")
        )
        super().__init__(f"There is no tool {tool!r}. {hint}")


class InvalidToolError(ToolError):
    """A function that cannot become a tool."""

    def __init__(self, tool: str, problem: str) -> None:
        self.tool, self.problem = tool, problem
        super().__init__(f"{tool} cannot be a tool: {problem}")


class ToolArgumentsError(ToolError):
    """Arguments that do not match the tool's schema."""

    def __init__(self, tool: str, problem: str) -> None:
        self.tool, self.problem = tool, problem
        super().__init__(f"The arguments for {tool} do not match its schema: {problem}")


class ToolDeniedError(ToolError):
    """A call that was not allowed, so nothing was done."""

    def __init__(self, tool: str, problem: str) -> None:
        self.tool, self.problem = tool, problem
        super().__init__(f"{tool} was not run: {problem}")


class ToolServerError(ToolError):
    """An MCP server cannot be used now."""

    def __init__(self, server: str, problem: str) -> None:
        self.server, self.problem = server, problem
        super().__init__(f"The MCP server {server} cannot be used: {problem}")


class ToolRetryError(ToolError):
    """Raised by a tool: the model may call it again, and ``hint`` says how to do better."""

    def __init__(self, hint: str) -> None:
        self.hint = hint
        super().__init__(hint)


class ToolFailedError(ToolError):
    """A tool could not do its work, and calling it again will not help."""

    def __init__(self, tool: str, problem: str) -> None:
        self.tool, self.problem = tool, problem
        super().__init__(f"{tool} failed: {problem}")


class ToolTimeoutError(ToolError):
    """A tool did not return in time."""

    def __init__(self, tool: str, timeout_s: float) -> None:
        self.tool, self.timeout_s = tool, timeout_s
        super().__init__(
            f"{tool} did not finish within {format_seconds(timeout_s)} and was abandoned."
        )
