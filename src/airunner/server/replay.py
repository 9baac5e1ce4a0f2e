"""An answer that goes on when its worker dies.

Owns that it is computed a second time, and that a client has nothing of it twice.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from copy import deepcopy

from airunner.engines.base import Chunk
from airunner.errors import GenerationError, WorkerDiedError, WorkerSilentError
from airunner.server.chunks import TEXTS, Completion

SEED_BITS = 31
"""Bits of the seed that an answer gets where its client names none: it has to be repeatable."""
ATTEMPTS = 3
"""How often an answer is begun in all, where its worker dies each time."""


async def going_on(
    model: str, begin: Callable[[], AsyncGenerator[Chunk, None]]
) -> AsyncGenerator[Chunk, None]:
    """The chunks of what ``begin`` begins, begun again where its worker dies in the middle.

    Raises:
        WorkerDiedError: it died each time.
        GenerationError: the answer came out differently the next time.
        AiRunnerError: what ``begin`` raises.
    """
    replay = Replay(model)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with aclosing(begin()) as chunks:
                async for chunk in chunks:
                    if (new := replay.feed(chunk)) is not None:
                        yield new
            return
        except WorkerDiedError as error:
            # One that was silent has taken long already, and is replaced once.
            if attempt == ATTEMPTS or (attempt > 1 and isinstance(error, WorkerSilentError)):
                raise
            replay.begin_again()


class Replay:
    """An answer that is computed a second time after its worker died.

    Under the same seed it is the same text, so what was delivered is compared and left out.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._had = Completion()
        self._again: Completion | None = None

    @property
    def delivered(self) -> bool:
        """Whether the client has had anything of the answer."""
        return any(self._had.texts.values()) or bool(self._had.calls)

    def begin_again(self) -> None:
        """Expect the answer from its beginning."""
        self._again = Completion()

    def feed(self, chunk: Chunk) -> Chunk | None:
        """What of ``chunk`` is new to the client.

        Raises:
            GenerationError: the answer came out differently this time.
        """
        if self._again is None:
            self._had.add(chunk)
            return chunk
        before, again, had = deepcopy(self._again), self._again, self._had
        again.add(chunk)
        new = _rest(chunk, before, had)
        for name in TEXTS:
            self._check(again.texts[name], had.texts[name])
        for index, call in again.calls.items():
            known = had.calls.get(index, {"name": "", "arguments": ""})
            self._check(call["name"] + call["arguments"], known["name"] + known["arguments"])
        if new is not None:
            had.add(new)
        return new

    def _check(self, now: str, had: str) -> None:
        if not (now.startswith(had) or had.startswith(now)):
            problem = "its worker died, and the answer came out differently the second time"
            raise GenerationError(self._model, problem)


def _rest(chunk: Chunk, before: Completion, had: Completion) -> Chunk | None:
    """``chunk`` without what is in ``had``, where ``before`` was there already."""
    choice = (chunk.get("choices") or [{}])[0]
    delta = dict(choice.get("delta") or {})
    for name in TEXTS:
        if text := delta.get(name):
            delta[name] = text[max(0, len(had.texts[name]) - len(before.texts[name])) :]
    calls = []
    for piece in delta.pop("tool_calls", None) or ():
        index = piece.get("index", 0)
        known, seen = had.calls.get(index), before.calls.get(index)
        if known is None:
            calls.append(piece)
            continue
        text = (piece.get("function") or {}).get("arguments") or ""
        skip = len(known["arguments"]) - (len(seen["arguments"]) if seen else 0)
        if rest := text[max(0, skip) :]:
            calls.append({"index": index, "function": {"arguments": rest}})
    if calls:
        delta["tool_calls"] = calls
    is_new = bool(calls) or any(delta.get(name) for name in TEXTS)
    if not is_new and choice.get("finish_reason") is None:
        return None
    return {**chunk, "choices": [{**choice, "delta": {k: v for k, v in delta.items() if v}}]}
