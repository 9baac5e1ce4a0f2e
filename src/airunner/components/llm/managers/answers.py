"""Answers that are more than text: pydantic models, and the answer that there is no model.

Owns the way from a schema to what an answer is decoded under, and back.
"""

from __future__ import annotations

from types import TracebackType
from typing import NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from airunner.agent.specialist import AnswerForm
from airunner.errors import AiRunnerError, GenerationError
from airunner.json_schema.decoding import decodable
from airunner.tools.schema import COMPACT_JSON, bounded

M = TypeVar("M", bound=BaseModel)


def answer_form(
    schema: type[BaseModel] | None, system: str | None, temperature: float | None
) -> AnswerForm:
    """How the answer is wanted; under a schema it is the likeliest one, unless asked otherwise."""
    if schema is None:
        return AnswerForm(system, temperature)
    decoded = {**bounded(decodable(schema.model_json_schema())), **COMPACT_JSON}
    return AnswerForm(system, 0.0 if temperature is None else temperature, decoded)


def read_answer(answer: str, schema: type[M]) -> M:
    """The instance that an answer is.

    Raises:
        GenerationError: it is none: it was cut off, or breaks a rule that decoding does not know.
    """
    try:
        return schema.model_validate_json(answer)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            problem = f"its {schema.__name__} was cut off; allow more with max_tokens"
        else:
            place = ".".join(map(str, first["loc"]))
            problem = f"its answer is no {schema.__name__}: {place}: {first['msg']}"
        raise GenerationError("the model", problem) from error


class NoModel:
    """A model that could not be loaded: it is false, and using it raises ``error``."""

    def __init__(self, error: AiRunnerError) -> None:
        self.error = error

    def __bool__(self) -> bool:
        return False

    def invoke(self, prompt: str, *, max_tokens: int | None = None, remember: bool = True) -> str:
        """Raise why there is no model.

        Raises:
            AiRunnerError: always.
        """
        self._raise()

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> NoModel:
        self._raise()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Never reached."""

    def _raise(self) -> NoReturn:
        raise self.error
