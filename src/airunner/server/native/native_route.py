"""A route of the native API: what goes wrong is told so that a program of ours can raise it.

Owns that form: the error's class and fields, beside what every API tells.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from airunner.errors import AiRunnerError, BodyRefusedError, HungUpError
from airunner.errors.as_json import error_as_json
from airunner.server.problems import Problem, problem_of

BAD_REQUEST = 400


class NativeRoute(APIRoute):
    """See the module's description."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, whose errors are answered."""
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handle(request)
            except HungUpError:
                raise
            except AiRunnerError as error:
                return native_problem(error).response(request.url.path)

        return answered


def native_problem(error: BaseException) -> Problem:
    """What a client is told of ``error``."""
    if isinstance(error, BodyRefusedError):
        return Problem(error.status, error.problem, code=error.code)
    problem = problem_of(error)
    if not isinstance(error, AiRunnerError):
        return problem
    return replace(problem, facts={**problem.facts, "raised": error_as_json(error)})


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Refuse a request whose ``what`` cannot be read in the body.

    Raises:
        BodyRefusedError: it cannot.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BodyRefusedError(f"{what}: {error}", BAD_REQUEST, "invalid_value") from error
