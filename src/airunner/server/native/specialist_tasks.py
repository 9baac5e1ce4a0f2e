"""What a person asks a specialist for directly, its answer told as it is written.

Owns how a translation and a piece of code are streamed: each piece is a ``TextStreamed`` of
the task. What is asked is the tools' of the same purpose; they do the same within a turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from airunner.agent.specialist import SpecialistSession
from airunner.errors import BodyRefusedError
from airunner.events import TextStreamed
from airunner.messages import Delta
from airunner.models.spec import ModelCapability
from airunner.runtime.core import RuntimeCore
from airunner.server.documented import STREAMED
from airunner.server.native.native_route import NativeRoute
from airunner.server.native.work import answer_with
from airunner.toolbox.code.code_tools import CODE_TOKENS, code_prompt
from airunner.toolbox.text.text_tools import TRANSLATION_TOKENS, translation_prompts

MOST_CHARACTERS = 400_000
MOST_WORDS_OF_A_LANGUAGE = 40


class TranslateBody(BaseModel):
    """A text, and the language it is wanted in."""

    text: str = Field(max_length=MOST_CHARACTERS)
    language: str = Field(max_length=MOST_WORDS_OF_A_LANGUAGE)
    stream: bool = False


class CodeBody(BaseModel):
    """What a program is to do."""

    description: str = Field(max_length=MOST_CHARACTERS)
    language: str = Field(default="Python", max_length=MOST_WORDS_OF_A_LANGUAGE)
    stream: bool = False


class SpecialistTasks:
    """See the module's description. Used on the loop that serves."""

    def __init__(self, core: RuntimeCore) -> None:
        self._core = core

    async def translate(self, text: str, language: str) -> dict[str, Any]:
        """The translation as ``text``, and the ``model`` that made it.

        Raises:
            BodyRefusedError: the text or the language is missing.
            AiRunnerError: see ``ModelTeam.lease`` and ``SpecialistSession.invoke``.
        """
        language = language.strip()
        prompts = translation_prompts(text, language)
        if not prompts or not language:
            raise _refused("Give a text, and the language to translate it into.")
        return await self._answers(ModelCapability.TRANSLATION, prompts, TRANSLATION_TOKENS)

    async def write_code(self, description: str, language: str = "") -> dict[str, Any]:
        """Code with a word on its use as ``text``, and the ``model`` that wrote it.

        Raises:
            BodyRefusedError: the description is missing.
            AiRunnerError: see ``translate``.
        """
        if not description.strip():
            raise _refused("Say what the code is to do.")
        prompts = [code_prompt(description, language)]
        return await self._answers(ModelCapability.CODE_GENERATION, prompts, CODE_TOKENS)

    async def _answers(
        self, capability: ModelCapability, prompts: Sequence[str], max_tokens: int
    ) -> dict[str, Any]:
        id, answers = f"task_{uuid4().hex[:16]}", []

        def tell(text: str) -> None:
            if text:
                self._core.bus.publish(TextStreamed(turn=id, text=text))

        def hear(delta: Delta) -> None:
            tell(delta.text)

        async with self._core.lease(capability, owner=id) as lease:
            session = SpecialistSession(lease, capability)
            for number, prompt in enumerate(prompts):
                if number:
                    tell("\n\n")
                answer = await session.invoke(
                    prompt, max_tokens=max_tokens, remember=False, on_delta=hear
                )
                answers.append(answer)
            return {"text": "\n\n".join(answers), "model": lease.spec.model_path}


def _refused(problem: str) -> BodyRefusedError:
    return BodyRefusedError(problem, 400, "bad_request")


def specialist_task_routes(core: RuntimeCore, tasks: SpecialistTasks) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.post("/translate", responses=STREAMED)
    async def translate(asked: TranslateBody, request: Request) -> Response:
        """Translate a text of any length, passage by passage."""
        work = tasks.translate(asked.text, asked.language)
        return await answer_with(request, core.bus, work, asked.stream)

    @routes.post("/code", responses=STREAMED)
    async def code(asked: CodeBody, request: Request) -> Response:
        """Write code; `/api/v1/tools/run_python` runs it."""
        work = tasks.write_code(asked.description, asked.language)
        return await answer_with(request, core.bus, work, asked.stream)

    return routes
