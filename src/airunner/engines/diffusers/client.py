"""An image pipeline of the diffusers library, seen from the process that asks it to draw.

Owns the translation of a worker's answers into our values and errors, and the
last step of saving: a picture gets its name only when the drawing is over.
Imports no image library; the connection is ``connection``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from airunner.engines.base import Endpoint, WorkerExit
from airunner.engines.connection import WorkerConnection
from airunner.engines.diffusers.wire import DRAW_PATH, decode_item, part_of, request_json
from airunner.engines.image import Drawn, ImagePlan, ImageRequest, ImageStep
from airunner.errors import GenerationError, StorageError, WorkerDiedError


class DiffusersModel:
    """One loaded pipeline; implements ``engines.image.ImageModel``.

    ``exited`` returns when the worker's process has ended, and is asked for the
    reason when a connection breaks.
    """

    def __init__(
        self,
        plan: ImagePlan,
        base_url: str,
        api_key: str,
        exited: Callable[[], Awaitable[WorkerExit]],
    ) -> None:
        self._plan = plan
        self._connection = WorkerConnection(plan.model, base_url, api_key, exited)

    @property
    def plan(self) -> ImagePlan:
        """What was loaded, and how."""
        return self._plan

    @property
    def endpoint(self) -> Endpoint:
        """Address of the worker's server and the headers it wants, for asking it directly."""
        return self._connection.endpoint

    async def draw(self, request: ImageRequest) -> AsyncGenerator[ImageStep | Drawn, None]:
        """Yield each step and at last ``Drawn``; see ``ImageModel.draw``."""
        try:
            response = await self._connection.send(DRAW_PATH, request_json(request))
            try:
                if response.status_code != httpx.codes.OK:
                    problem = (await response.aread()).decode(errors="replace")
                    raise GenerationError(self._plan.model, problem)
                async for line in response.aiter_lines():
                    item = decode_item(self._plan.model, line)
                    if isinstance(item, Drawn):
                        _keep([picture.path for picture in item.pictures])
                        break
                    yield item
                else:
                    # The worker ends every answer with pictures or an error.
                    raise await self._connection.death()
            except httpx.TransportError as error:
                raise await self._connection.death() from error
            finally:
                await response.aclose()
        except WorkerDiedError:
            # It cannot tidy up any more.
            _discard(request.targets)
            raise
        yield item

    async def aclose(self) -> None:
        """Close the connections to the worker; drawings that have not begun fail at once."""
        await self._connection.aclose()


def _keep(targets: Sequence[Path]) -> None:
    """Give the pictures their names, all or none.

    Raises:
        StorageError: the folder is gone or not to be written any more.
    """
    kept: list[Path] = []
    target = targets[0]
    try:
        for target in targets:
            part_of(target).replace(target)
            kept.append(target)
    except OSError as error:
        for picture in kept:
            picture.unlink(missing_ok=True)
        _discard(targets)
        raise StorageError(target, error.strerror or str(error)) from error


def _discard(targets: Sequence[Path]) -> None:
    for target in targets:
        with suppress(OSError):
            part_of(target).unlink(missing_ok=True)
