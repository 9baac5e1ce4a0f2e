"""A web service of one's own over a team of models: answers, streams, and values.

Start it with ``uvicorn fastapi_app:app`` in this folder, and ask::

    curl -d '{"text": "It rained all day."}' -H 'Content-Type: application/json' \\
        http://127.0.0.1:8000/answers/summarization
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from airunner import LLMModelManager
from airunner.errors import AiRunnerError, UnknownCapabilityError

app = FastAPI(title="A team of models")
team = LLMModelManager()


class Question(BaseModel):
    """What is asked, and how long an answer may be."""

    text: str
    max_tokens: int = Field(default=128, ge=1, le=1024)


class Answer(BaseModel):
    """What a model said."""

    text: str


class Weather(BaseModel):
    """What is read out of a sentence."""

    place: str
    degrees: int


@app.exception_handler(AiRunnerError)
async def refused(request: Request, error: AiRunnerError) -> JSONResponse:
    """Errors say what to do next, so they are passed on in their words."""
    status = 404 if isinstance(error, UnknownCapabilityError) else 503
    return JSONResponse({"detail": str(error)}, status)


@app.post("/answers/{capability}")
async def answer(capability: str, question: Question) -> Answer:
    """One answer, when it is complete. A client that hangs up cancels it."""
    text = await team.ause(capability, question.text, question.max_tokens, required=True)
    return Answer(text=text)


@app.post("/streams/{capability}")
async def stream(capability: str, question: Question) -> StreamingResponse:
    """The pieces of an answer as they are written; hanging up breaks it off."""
    pieces = team.astream(capability, question.text, question.max_tokens)
    first = await anext(pieces, "")  # what goes wrong does so before the status is sent
    return StreamingResponse(_joined(first, pieces), media_type="text/plain; charset=utf-8")


@app.post("/weather")
async def weather(question: Question) -> Weather:
    """A value instead of words: decoded under the model's schema."""
    found: Weather = await team.ause(
        "extraction", question.text, question.max_tokens, schema=Weather, required=True
    )
    return found


async def _joined(first: str, rest: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    try:
        yield first
        async for piece in rest:
            yield piece
    finally:
        await rest.aclose()
