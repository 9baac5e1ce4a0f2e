"""Asking a specialised model: once, or several times in one dialogue.

Owns the system prompt of each capability and the running dialogue of a
session. Loading, handles and threads belong to the runtime, and sampling to
the model's own defaults.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from airunner.agent.conversation import Conversation
from airunner.agent.generation import Retelling, run_generation
from airunner.agent.history import fit
from airunner.agent.team import Lease, Team
from airunner.agent.turn_request import given_or_drawn
from airunner.engines.base import ChatRequest
from airunner.errors import GenerationError, WorkerDiedError
from airunner.media import MediaSupport
from airunner.messages import Content, Delta, MediaKind, Message
from airunner.models.spec import ModelCapability

DEFAULT_MAX_TOKENS = 512

SYSTEM_PROMPTS: Mapping[ModelCapability, str] = {
    ModelCapability.PRIMARY_CONVERSATION: "You are a helpful assistant.",
    ModelCapability.PROMPT_ENHANCEMENT: (
        "You rewrite short ideas as prompts for an image generator. Keep the subject. Add style, "
        "lighting, composition and detail as comma-separated phrases. "
        "Reply with the prompt only, on one line."
    ),
    ModelCapability.SUMMARIZATION: (
        "You summarize texts. State only what the text says, keep names and numbers exact, "
        "and write in the language of the text. Reply with the summary only."
    ),
    ModelCapability.TRANSLATION: (
        "You are a translator. Translate faithfully, keep names, numbers and line breaks, "
        "and reply with the translation only."
    ),
    ModelCapability.CODE_GENERATION: (
        "You are an expert programmer. Write complete, correct, readable code with the imports "
        "it needs, in one fenced code block, and keep any explanation short."
    ),
    ModelCapability.CODE_EDITING: (
        "You are an expert programmer who edits code. Change only what was asked and "
        "reply with the complete edited code in one fenced code block."
    ),
    ModelCapability.CLASSIFICATION: (
        "You classify texts. Reply with exactly one of the given labels and nothing else."
    ),
    ModelCapability.EXTRACTION: (
        "You extract facts from texts. Reply only with what was asked for, in the form asked "
        "for; leave out what the text does not say."
    ),
}
"""How a model is told its job. Capabilities without text output have none."""


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """How an answer is wanted; what is not given is as the capability and the model have it.

    Attributes:
        system: instructions instead of the capability's.
        temperature: of the sampling, 0 for the likeliest text.
        json_schema: what the answer is decoded under.
        seed: of the sampling.
    """

    system: str | None = None
    temperature: float | None = None
    json_schema: Mapping[str, Any] | None = None
    seed: int | None = None


AS_USUAL = AnswerForm()


@dataclass(frozen=True, slots=True)
class SpecialistRequest:
    """What a specialised model is asked once; the answer has at most ``max_tokens``."""

    capability: ModelCapability
    prompt: Content
    max_tokens: int = DEFAULT_MAX_TOKENS
    form: AnswerForm = AS_USUAL


async def ask_specialist(
    team: Team,
    asked: SpecialistRequest,
    owner: str,
    on_delta: Callable[[Delta], None] | None = None,
) -> str:
    """One answer, without leading or trailing space; the lease ends with it.

    ``on_delta`` gets its pieces as they come. Where its worker dies, it is computed again,
    and goes on after the pieces that were told.

    Raises:
        GenerationError: what is asked for is no text; nothing was loaded.
        MediaNotSupportedError: the model does not take its pictures; nothing was loaded.
        LeaseError, WeightsError, DoesNotFitError, EngineError: see ``Team.lease`` and
            ``Lease.chat``.
    """
    if asked.capability not in SYSTEM_PROMPTS:
        problem = "it is not for text; `draw` asks for pictures and `embed` for vectors"
        raise GenerationError(asked.capability.value, problem)
    support = MediaSupport("")
    if not isinstance(asked.prompt, str):
        support = await team.media_support(asked.capability)
        support.check(asked.prompt)
    retelling = Retelling()
    form = replace(asked.form, seed=given_or_drawn(asked.form.seed))

    async def answer() -> str:
        async with team.lease(asked.capability, owner=owner) as lease:

            def tell(delta: Delta) -> None:
                new = retelling.new(lease.spec.model_path, delta)
                if on_delta is not None:
                    on_delta(new)

            session = SpecialistSession(lease, asked.capability, support.takes, form)
            return await session.invoke(asked.prompt, max_tokens=asked.max_tokens, on_delta=tell)

    try:
        return await answer()
    except WorkerDiedError:
        retelling.begin_again()
        return await answer()


async def stream_specialist(
    team: Team, asked: SpecialistRequest, owner: str
) -> AsyncGenerator[str, None]:
    """The pieces of one answer as they come; closing the iterator breaks it off.

    Raises:
        AiRunnerError: see ``ask_specialist``.
    """
    pieces: asyncio.Queue[str | None] = asyncio.Queue()

    def hear(delta: Delta) -> None:
        pieces.put_nowait(delta.text)

    answering = asyncio.create_task(ask_specialist(team, asked, owner, on_delta=hear))
    answering.add_done_callback(lambda _: pieces.put_nowait(None))
    try:
        while (piece := await pieces.get()) is not None:
            if piece:
                yield piece
        await answering
    finally:
        if not answering.done():
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)


class SpecialistSession:
    """A dialogue with a specialised model, for as long as the caller holds ``lease``.

    The model ``takes`` such pictures and recordings.
    """

    def __init__(
        self,
        lease: Lease,
        capability: ModelCapability,
        takes: Collection[MediaKind] = (),
        form: AnswerForm = AS_USUAL,
    ) -> None:
        self._lease, self._capability, self._takes = lease, capability, takes
        self._form = form
        self._dialogue = self._new_dialogue()

    async def invoke(
        self,
        prompt: Content,
        *,
        max_tokens: int | None = None,
        remember: bool = True,
        on_delta: Callable[[Delta], None] | None = None,
    ) -> str:
        """The answer to ``prompt``, which may refer to earlier ones of this session.

        With ``remember`` false the prompt stands alone and leaves no trace. What no
        longer fits the context is forgotten, oldest first. ``on_delta`` is given each
        piece of the answer as it comes.

        Raises:
            ContextOverflowError: the prompt alone does not fit; it is never cut.
            EngineError: the model could not answer; the dialogue is as before.
        """
        dialogue = self._dialogue if remember else self._new_dialogue()
        wanted = max_tokens or DEFAULT_MAX_TOKENS
        dialogue.messages.append(Message("user", prompt))
        try:
            fitted = await fit(
                dialogue,
                render=list,
                tools=(),
                count=self._lease.count_tokens,
                n_ctx=self._lease.n_ctx,
                reserve=min(wanted, self._lease.n_ctx // 2),
                model=self._lease.spec.model_path,
                most_ctx=self._lease.spec.longest_context,
                takes=self._takes,
                may_shorten=False,
            )
            request = ChatRequest(
                messages=fitted.messages,
                max_tokens=min(wanted, self._lease.n_ctx - fitted.tokens),
                temperature=self._form.temperature,
                json_schema=self._form.json_schema,
                seed=self._form.seed,
                # Thoughts would use up the tokens that the answer needs.
                thinking=False,
            )
            done = await run_generation(self._lease, request, on_delta=on_delta)
        except BaseException:
            dialogue.messages.pop()
            raise
        answer = done.text.strip()
        dialogue.messages.append(Message("assistant", answer))
        return answer

    def _new_dialogue(self) -> Conversation:
        usual = SYSTEM_PROMPTS.get(self._capability, "")
        return Conversation.begin(usual if self._form.system is None else self._form.system)
