"""What an answer to a client cost, as the event that a turn's generation has, too."""

from __future__ import annotations

import time

from airunner.engines.base import Chunk
from airunner.engines.openai_form import usage_of
from airunner.events import GenerationFinished
from airunner.messages import Usage
from airunner.server.chunks import Completion


class AnswerCosts:
    """Measures from its making on, which is when the client began to wait."""

    def __init__(self) -> None:
        self._began_s = time.perf_counter()
        self._first_s: float | None = None

    def saw(self, chunk: Chunk) -> None:
        """A chunk went to the client; the first that says something ends the wait."""
        if self._first_s is None and any(_says_something(each) for each in chunk["choices"]):
            self._first_s = time.perf_counter()

    def event(
        self, owner: str, model: str, conversation: str, whole: Completion
    ) -> GenerationFinished:
        """All of it, once the answer is whole."""
        usage = usage_of({"usage": whole.usage, "timings": whole.timings}) or Usage()
        ended_s = time.perf_counter()
        return GenerationFinished(
            turn=owner,
            model=model,
            conversation=conversation,
            prompt_tokens=usage.prompt_tokens,
            cached_tokens=usage.cached_tokens,
            completion_tokens=usage.completion_tokens,
            ttft_s=(self._first_s or ended_s) - self._began_s,
            total_s=ended_s - self._began_s,
            finish_reason=whole.finish_reason or "stop",
            prompt_s=usage.prompt_s,
            decode_s=usage.decode_s,
        )


def _says_something(choice: Chunk) -> bool:
    delta = choice.get("delta") or {}
    return any(delta.get(name) for name in ("content", "reasoning_content", "tool_calls"))
