"""Answers of models to clients' requests, as chunks of OpenAI's chat completions.

Every API of the server is made of these. Owns what a model is asked for by name, under
which lease and in which conversation, and that an answer goes on when its worker dies.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from airunner.engines.base import Chunk
from airunner.engines.openai_form import messages_of, offered_tools, thinking_of
from airunner.errors import WorkerDiedError
from airunner.resources.known_conversations import prompt_settings
from airunner.resources.visitor import current_visitor
from airunner.runtime.core import RuntimeCore
from airunner.server.answer_costs import AnswerCosts
from airunner.server.chunks import Completion, Replay
from airunner.server.served_models import ServedModels

SEED_BITS = 31
ATTEMPTS = 3
"""How often an answer is begun in all, where its worker dies each time."""


class Answers:
    """See the module's description."""

    def __init__(self, core: RuntimeCore, models: ServedModels) -> None:
        self._core = core
        self._models = models

    async def chunks(self, body: Mapping[str, Any]) -> AsyncGenerator[Chunk, None]:
        """Answer a checked request of one choice. Closing the generator stops the work.

        Without a seed the answer gets one of its own: where its worker dies, the same text
        is computed again and goes on after what was delivered.

        Raises:
            AiRunnerError: before the first chunk, or in the middle of the answer.
        """
        seed = body.get("seed")
        request = {**body, "seed": secrets.randbits(SEED_BITS) if seed is None else seed}
        wanted, owner = self._models.wanted(body["model"]), f"client-{uuid4().hex[:8]}"
        name = self._models.spec(body["model"]).model_path
        messages = messages_of(body["messages"])
        options = body.get("chat_template_kwargs")
        settings = prompt_settings(offered_tools(body), thinking_of(body), options)
        # What one key has said is nobody else's, also where the same is said again.
        settings["key"] = current_visitor().name
        with self._core.known.going_on(name, messages, settings) as conversation:
            replay, whole, costs = Replay(name), Completion(), AnswerCosts()
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    async with self._core.lease(wanted, owner=owner) as lease:
                        stream = lease.complete(request, conversation.id)
                        async with aclosing(stream) as chunks:
                            async for chunk in chunks:
                                if (new := replay.feed(chunk)) is not None:
                                    whole.add(new)
                                    costs.saw(new)
                                    yield new
                    break
                except WorkerDiedError:
                    if attempt == ATTEMPTS:
                        raise
                    replay.begin_again()
            self._core.bus.publish(costs.event(owner, name, conversation.id, whole))
            answered = [*messages, whole.message]
            self._core.known.answered(conversation, answered, settings)

    async def count_tokens(self, body: Mapping[str, Any]) -> int:
        """Tokens of the prompt that ``body``'s messages and tools become.

        Raises:
            AiRunnerError: the model cannot be had.
        """
        async with self._core.lease(self._models.wanted(body["model"]), owner="count") as lease:
            return await lease.count_tokens(messages_of(body["messages"]), offered_tools(body))
