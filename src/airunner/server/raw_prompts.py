"""Prompts that go to a model as they are, without a chat template.

Owns the request to the engine's own endpoint, and its answer as chunks of chat completions,
in the form that everything else here reads. Only llama.cpp's workers take such prompts.

Source of the fields: ``tools/server/README.md`` in the llama.cpp repository, ``/completion``
and ``/infill``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from secrets import token_hex
from typing import Any

from airunner.agent.turn_request import given_or_drawn
from airunner.engines.base import CONTEXT_FULL, Chunk, Served
from airunner.engines.openai_form import CHUNK
from airunner.engines.worker_answer import OK
from airunner.errors import (
    ContextOverflowError,
    EngineError,
    GenerationError,
    SharedContextFullError,
)
from airunner.models.spec import ModelCapability
from airunner.runtime.core import RuntimeCore
from airunner.server.answer_costs import AnswerCosts
from airunner.server.chunks import Completion
from airunner.server.replay import going_on, usage_after
from airunner.server.served_models import ServedModels

_PASSED = (
    *("temperature", "top_p", "top_k", "min_p", "typical_p", "repeat_penalty", "repeat_last_n"),
    *("presence_penalty", "frequency_penalty", "logit_bias", "seed", "stop"),
)
_FINISH = {"limit": "length"}


class RawPrompts:
    """See the module's description."""

    def __init__(self, core: RuntimeCore, models: ServedModels) -> None:
        self._core = core
        self._models = models

    async def chunks(self, body: Mapping[str, Any]) -> AsyncGenerator[Chunk, None]:
        """Go on after ``body["prompt"]``, text or tokens; up to ``body["suffix"]`` if it has one.

        ``max_tokens`` and ``logprobs``, how many of the likeliest tokens are told beside
        each, are as in a completion's request.

        Raises:
            GenerationError: the model takes no such prompt.
            AiRunnerError: as for a chat completion.
        """
        wanted, owner = self._models.wanted(body["model"]), f"raw-{token_hex(4)}"
        name = self._models.speaker(wanted)
        whole, costs = Completion(), AnswerCosts()
        asked = {**body, "seed": given_or_drawn(body.get("seed"))}

        def begin(said: str) -> AsyncGenerator[Chunk, None]:
            return self._begin(wanted, owner, asked, said)

        async with aclosing(going_on(name, body, begin, whole)) as chunks:
            async for chunk in chunks:
                costs.saw(chunk)
                yield chunk
        self._core.bus.publish(costs.event(owner, name, "", whole))

    async def _begin(
        self, wanted: ModelCapability | str, owner: str, body: Mapping[str, Any], said: str
    ) -> AsyncGenerator[Chunk, None]:
        async with self._core.lease(wanted, owner=owner, fetches=False) as lease:
            name = lease.spec.model_path
            if lease.served is None:
                raise GenerationError(name, "its engine takes no prompts without a template")
            async with lease.slot(body["prompt"], body.get("max_tokens")) as slot:
                n_said = 0
                if said:
                    body, n_said = await _after(lease.served, body, said)
                path, asked = _request(body, slot)
                async with lease.served.ask(path, asked, lease.n_ctx) as response:
                    if response.status != OK:
                        raise _refusal(name, await response.read())
                    async for line in response.lines():
                        if line.startswith("data: "):
                            chunk = _chunk(name, json.loads(line.removeprefix("data: ")))
                            if said and "usage" in chunk:
                                chunk["usage"] = usage_after(chunk["usage"], n_said)
                            yield chunk


async def _after(served: Served, body: Mapping[str, Any], said: str) -> tuple[dict[str, Any], int]:
    """``body`` with ``said`` at the end of its prompt, and the tokens of that."""
    async with served.ask("/tokenize", {"content": said, "parse_special": False}) as response:
        tokens: list[int] = json.loads(await response.read())["tokens"]
    prompt = body["prompt"]
    before = prompt if isinstance(prompt, list) else [prompt]
    rest = {**body, "prompt": [*before, *tokens]}
    if body.get("max_tokens") is not None:
        # None is not possible: it would be all that the context holds.
        rest["max_tokens"] = max(1, body["max_tokens"] - len(tokens))
    return rest, len(tokens)


def _request(body: Mapping[str, Any], slot: int) -> tuple[str, dict[str, Any]]:
    asked = {name: body[name] for name in _PASSED if body.get(name) is not None}
    asked |= {"stream": True, "id_slot": slot, "cache_prompt": True}
    if body.get("max_tokens") is not None:
        asked["n_predict"] = body["max_tokens"]
    if body.get("logprobs") is not None:
        asked["n_probs"] = max(1, body["logprobs"])
    if body.get("suffix"):
        asked |= {"input_prefix": body["prompt"], "input_suffix": body["suffix"], "prompt": ""}
        return "/infill", asked
    return "/completion", asked | {"prompt": body["prompt"]}


def _chunk(model: str, told: Mapping[str, Any]) -> Chunk:
    if "error" in told:
        raise _refusal(model, json.dumps(told).encode())
    choice: dict[str, Any] = {"index": 0, "delta": {"content": told.get("content") or ""}}
    choice["finish_reason"] = None
    if rows := told.get("completion_probabilities"):
        choice["logprobs"] = {"content": rows}
    if not told.get("stop"):
        return {"object": CHUNK, "choices": [choice]}
    choice["finish_reason"] = _FINISH.get(told.get("stop_type", ""), "stop")
    timings = told.get("timings") or {}
    cached, completion = timings.get("cache_n", 0), timings.get("predicted_n", 0)
    prompt = cached + timings.get("prompt_n", 0)
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    return {"object": CHUNK, "choices": [choice], "usage": usage, "timings": timings}


def _refusal(model: str, content: bytes) -> EngineError:
    try:
        error = json.loads(content)["error"]
        if error.get("type") == "exceed_context_size_error":
            return ContextOverflowError(model, error["n_prompt_tokens"], error["n_ctx"])
        if error.get("message") == CONTEXT_FULL:
            return SharedContextFullError(model)
        return GenerationError(model, str(error.get("message", error)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return GenerationError(model, content.decode(errors="replace"))
