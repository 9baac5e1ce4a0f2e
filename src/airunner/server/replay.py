"""An answer that goes on when its worker dies.

Owns that a client has nothing of it twice, and the choice between the two ways: after the
text that was delivered, as the beginning of what is asked of the new worker, or computed a
second time and compared.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from copy import deepcopy
from typing import Any

from airunner.engines.base import Chunk
from airunner.engines.openai_form import tool_choice_of
from airunner.errors import GenerationError, WorkerDiedError, WorkerSilentError
from airunner.server.chunks import TEXTS, Completion

ATTEMPTS = 3
"""How often an answer is begun in all, where its worker dies each time."""


def is_repeatable(body: Mapping[str, Any]) -> bool:
    """Whether a client can expect the same text again: greedy, or under a seed of its own."""
    return body.get("seed") is not None or body.get("temperature") == 0


async def going_on(
    model: str,
    body: Mapping[str, Any],
    begin: Callable[[str], AsyncGenerator[Chunk, None]],
    whole: Completion,
) -> AsyncGenerator[Chunk, None]:
    """The chunks of what ``begin("")`` begins, which goes on where its worker dies in the middle.

    ``whole`` becomes what was delivered, each chunk as it is.
    ``begin(said)`` answers ``body`` after the text ``said``, which has been delivered. That is
    quick, for a prompt is read faster than it is written, and nothing can come out differently.
    What ``is_repeatable`` is computed again first: read in one batch, the same text has other
    roundings, and a near tie may go the other way. So are thoughts, calls, and what a grammar
    is in the middle of.

    Raises:
        WorkerDiedError: it died each time.
        GenerationError: it had to be computed again, and came out differently.
        AiRunnerError: what ``begin`` raises.
    """
    replay, deaths, said = Replay(model, whole), 0, ""
    can_go_on = _is_free(body)
    while True:
        try:
            async with aclosing(begin(said)) as chunks:
                async for chunk in chunks:
                    if (new := replay.feed(chunk)) is not None:
                        yield new
            return
        except WorkerDiedError as error:
            deaths += 1
            # One that was silent has taken long already, and is replaced once.
            if deaths == ATTEMPTS or (deaths > 1 and isinstance(error, WorkerSilentError)):
                raise
            said = replay.said if can_go_on and not is_repeatable(body) else ""
        except GenerationError:
            if replay.differs and can_go_on and replay.said:
                said = replay.said
            elif said:
                said, can_go_on = "", False  # its engine or template begins no answer for it
            else:
                raise
        replay.begin_again(said)


def usage_after(usage: Mapping[str, Any], n_said: int) -> dict[str, Any]:
    """What an answer cost of which ``n_said`` tokens were read as a part of the prompt."""
    prompt = usage["prompt_tokens"] - n_said
    cached = min(prompt, (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0))
    return {
        **usage,
        "prompt_tokens": prompt,
        "completion_tokens": usage["completion_tokens"] + n_said,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def _is_free(body: Mapping[str, Any]) -> bool:
    """Whether nothing but the prompt decides how a text goes on."""
    form = (body.get("response_format") or {}).get("type", "text")
    return form == "text" and not body.get("suffix") and tool_choice_of(body) in ("auto", "none")


class Replay:
    """What of an answer was delivered, ``had``, while it is computed again or goes on."""

    def __init__(self, model: str, had: Completion) -> None:
        self._model = model
        self._had = had
        self._again: Completion | None = None
        self._has_begun = False
        self.differs = False

    @property
    def said(self) -> str:
        """The text that was delivered; empty if thoughts or calls were, too."""
        is_text = not self._had.calls and not self._had.texts["reasoning_content"]
        return self._had.texts["content"] if is_text else ""

    def begin_again(self, said: str) -> None:
        """Expect the answer from its beginning, or what comes after ``said``."""
        self._again = deepcopy(self._had) if said else Completion()
        self.differs = False

    def feed(self, chunk: Chunk) -> Chunk | None:
        """What of ``chunk`` is new to the client.

        Raises:
            GenerationError: the answer came out differently this time.
        """
        if self._again is None:
            self._had.add(chunk)
            self._has_begun = True
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
            if self._has_begun:  # the client knows who speaks
                new["choices"][0]["delta"].pop("role", None)
            self._has_begun = True
            had.add(new)
        return new

    def _check(self, now: str, had: str) -> None:
        self.differs = not (now.startswith(had) or had.startswith(now))
        if self.differs:
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
