"""``/v1/embeddings`` and ``/v1/rerank``: vectors of texts, and texts by their nearness.

Owns the form of both. A ranking is by the cosine of the vectors' angle, from an embedding
model: there is no cross-encoder among the registered models.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from airunner.runtime.core import RuntimeCore
from airunner.server.served_models import ServedModels
from airunner.server.streams import unless_hung_up

MOST_TEXTS = 2048
Text = Annotated[str, Field(min_length=1)]


class EmbeddingRequest(BaseModel):
    """The body of a request for vectors; texts only, no tokens."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(min_length=1)
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=MOST_TEXTS)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(default=None, ge=1)

    @property
    def texts(self) -> list[str]:
        """The texts, one a vector."""
        return [self.input] if isinstance(self.input, str) else self.input


class RerankRequest(BaseModel):
    """The body of a request for a ranking."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(min_length=1)
    query: str = Field(min_length=1)
    documents: list[str | dict[str, Any]] = Field(min_length=1, max_length=MOST_TEXTS)
    top_n: int | None = Field(default=None, ge=1)
    return_documents: bool | None = None

    @property
    def texts(self) -> list[str]:
        """The documents' texts."""
        return [d if isinstance(d, str) else str(d.get("text") or "") for d in self.documents]


def embedding_routes(core: RuntimeCore, models: ServedModels) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["OpenAI"])

    @routes.post("/v1/embeddings")
    @routes.post("/embeddings", include_in_schema=False)
    async def embeddings(asked: EmbeddingRequest, request: Request) -> JSONResponse:
        """The vectors of texts."""
        model = models.embedder(asked.model)
        vectors = await unless_hung_up(request, core.embed(asked.texts, model=model))
        size = asked.dimensions
        if size is not None:
            vectors = [unit(vector[:size]) for vector in vectors]
        in_base64 = asked.encoding_format == "base64"
        rows = [
            {"object": "embedding", "index": i, "embedding": _packed(v) if in_base64 else v}
            for i, v in enumerate(vectors)
        ]
        # The engine does not count them; four characters a token are usual in English.
        tokens = sum(-(-len(text) // 4) for text in asked.texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse({"object": "list", "data": rows, "model": asked.model, "usage": usage})

    @routes.post("/v1/rerank")
    @routes.post("/rerank", include_in_schema=False)
    async def rerank(asked: RerankRequest, request: Request) -> JSONResponse:
        """The documents, nearest to the query first."""
        model = models.embedder(asked.model)
        work = core.embed([asked.query, *asked.texts], model=model)
        query, *rest = [unit(vector) for vector in await unless_hung_up(request, work)]
        scores = [sum(a * b for a, b in zip(query, each, strict=True)) for each in rest]
        order = sorted(range(len(scores)), key=lambda index: -scores[index])[: asked.top_n]
        results: list[dict[str, Any]] = [
            {"index": index, "relevance_score": scores[index]} for index in order
        ]
        if asked.return_documents:
            for result in results:
                result["document"] = {"text": asked.texts[result["index"]]}
        return JSONResponse({"model": asked.model, "object": "list", "results": results})

    return routes


def unit(vector: Sequence[float]) -> list[float]:
    """``vector`` at length 1; one of zeros stays."""
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
