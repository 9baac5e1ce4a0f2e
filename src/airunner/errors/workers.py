"""The errors of engines and of the processes that models run in.

``airunner.errors`` draws the whole tree.
"""

from __future__ import annotations

from airunner.durations import format_seconds
from airunner.errors.base import AiRunnerError


class EngineError(AiRunnerError):
    """Base of errors from an engine or the worker it runs in."""


class LoadError(EngineError):
    """A worker could not load its model. ``log`` is the end of what it printed."""

    def __init__(self, model: str, problem: str, log: str = "") -> None:
        self.model, self.problem, self.log = model, problem, log
        super().__init__(f"{model} did not load: {problem}")


class LoadTimeoutError(LoadError):
    """A model that was still loading after ``limit_s`` seconds."""

    def __init__(self, model: str, limit_s: float) -> None:
        self.limit_s = limit_s
        problem = (
            f"it was still loading after {format_seconds(limit_s)}; --load-limit-s gives it longer"
        )
        super().__init__(model, problem)


class WorkerDiedError(EngineError):
    """A worker's process ended by itself. ``exit_code`` is negative for a signal."""

    def __init__(self, model: str, exit_code: int | None, log: str = "") -> None:
        self.model, self.exit_code, self.log = model, exit_code, log
        code = "unknown" if exit_code is None else str(exit_code)
        super().__init__(
            f"The worker running {model} died (exit code {code}). The conversation is kept; "
            "ask again and it is loaded anew."
        )


class SharedContextFullError(WorkerDiedError):
    """Answers that were computed together became longer than the context that they share.

    The engine broke all of them off. Asked again, one is computed after the other.
    """

    def __init__(self, model: str) -> None:
        super().__init__(model, None)
        Exception.__init__(
            self,
            f"The answers that {model} was writing together became longer than its context. "
            "Ask again, or raise --context.",
        )


class WorkerSilentError(WorkerDiedError):
    """A worker that said nothing for ``silent_s`` and was ended; another takes its place."""

    def __init__(self, model: str, silent_s: float, setting: str) -> None:
        super().__init__(model, None)
        self.silent_s, self.setting = silent_s, setting
        Exception.__init__(
            self,
            f"The worker running {model} said nothing for {format_seconds(silent_s)} and "
            "was ended. The conversation is kept; ask again and it is loaded anew. "
            f"--{setting} sets the limit.",
        )
