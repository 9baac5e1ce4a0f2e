"""Running one generation to its end.

Owns reading a stream of deltas, its timing, closing it whatever happens, and telling
nothing twice where it is run once more. Which model, and what is done with the text, is
the caller's concern.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from airunner.agent.team import Lease
from airunner.engines.base import ChatRequest
from airunner.errors import GenerationError
from airunner.messages import Delta, FinishReason, ToolCall, Usage


class Retelling:
    """What was streamed of a generation that may have to be run once more.

    Under the same seed it is the same text: what was told is compared and left out.
    """

    def __init__(self) -> None:
        self._told: dict[str, list[str]] = {"text": [], "reasoning": []}
        self._left = dict.fromkeys(self._told, "")

    @property
    def has_begun(self) -> bool:
        """Whether anything was told."""
        return any(map("".join, self._told.values()))

    def begin_again(self) -> None:
        """Expect the generation from its beginning."""
        self._left = {kind: "".join(pieces) for kind, pieces in self._told.items()}

    def new(self, model: str, delta: Delta) -> Delta:
        """What of the text and the reasoning of ``delta`` was not told yet.

        Raises:
            GenerationError: it comes out differently this time.
        """
        text = self._new(model, "text", delta.text)
        return Delta(text=text, reasoning=self._new(model, "reasoning", delta.reasoning))

    def _new(self, model: str, kind: str, piece: str) -> str:
        left = self._left[kind]
        known = min(len(left), len(piece))
        if left[:known] != piece[:known]:
            problem = "its worker died, and the answer came out differently the second time"
            raise GenerationError(model, problem)
        self._left[kind] = left[known:]
        self._told[kind].append(piece[known:])
        return piece[known:]


@dataclass(slots=True)
class Generation:
    """What came of a request. ``ttft_s`` and ``total_s`` count from ``since_s``."""

    text: str = ""
    reasoning: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    finish_reason: FinishReason = "stop"
    usage: Usage = field(default_factory=Usage)
    ttft_s: float = 0.0
    total_s: float = 0.0


async def run_generation(
    lease: Lease,
    request: ChatRequest,
    *,
    since_s: float | None = None,
    on_delta: Callable[[Delta], None] | None = None,
) -> Generation:
    """Generate on ``lease``, handing each piece to ``on_delta`` as it comes.

    Args:
        since_s: the ``time.perf_counter()`` from which the user has been waiting.

    Raises:
        EngineError: see ``Lease.chat``.
    """
    since_s = time.perf_counter() if since_s is None else since_s
    done = Generation()
    pieces: list[str] = []
    thoughts: list[str] = []
    # A stream that is merely dropped would go on generating until collected.
    async with aclosing(lease.chat(request)) as stream:
        async for delta in stream:
            begun = delta.text or delta.reasoning or delta.tool_name or delta.tool_calls
            if begun and not done.ttft_s:
                done.ttft_s = time.perf_counter() - since_s
            pieces.append(delta.text)
            thoughts.append(delta.reasoning)
            done.calls.extend(delta.tool_calls)
            done.finish_reason = delta.finish_reason or done.finish_reason
            done.usage = delta.usage or done.usage
            if on_delta is not None:
                on_delta(delta)
    done.text, done.reasoning = "".join(pieces), "".join(thoughts)
    done.total_s = time.perf_counter() - since_s
    return done
