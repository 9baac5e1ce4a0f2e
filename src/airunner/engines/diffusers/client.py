"""An image pipeline of the diffusers library, seen from the process that asks it to draw.

Owns the translation of a worker's answers into our values and errors, and the
last step of saving: a picture gets its name only when the drawing is over.
Imports no image library; the connection is ``connection``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from airunner.engines.connection import ServedModel
from airunner.engines.diffusers.wire import DRAW_PATH, decode_item, part_of
from airunner.engines.image import Drawn, ImagePlan, ImageRequest, ImageStep
from airunner.engines.silence import DRAWING_S, Silence
from airunner.engines.worker_answer import OK
from airunner.errors import GenerationError, StorageError, WorkerDiedError
from airunner.errors.system_words import system_words


class DiffusersModel(ServedModel[ImagePlan]):
    """One loaded pipeline; implements ``engines.image.ImageModel``."""

    async def draw(self, request: ImageRequest) -> AsyncGenerator[ImageStep | Drawn, None]:
        """Yield each step and at last ``Drawn``; see ``ImageModel.draw``."""
        try:
            limits = self._connection.limits
            silence = Silence(limits.to_load(self._n_bytes) + DRAWING_S, DRAWING_S)
            async with self._connection.asked(DRAW_PATH, asdict(request), silence) as response:
                if response.status != OK:
                    problem = (await response.read()).decode(errors="replace")
                    raise GenerationError(self.plan.model, problem)
                async for line in response.lines():
                    item = decode_item(self.plan.model, line)
                    if isinstance(item, Drawn):
                        _keep([picture.path for picture in item.pictures])
                        break
                    yield item
                else:
                    # The worker ends every answer with pictures or an error.
                    raise await self._connection.death()
        except WorkerDiedError:
            # It cannot tidy up any more.
            _discard(request.targets)
            raise
        yield item


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
        raise StorageError(target, system_words(error)) from error


def _discard(targets: Sequence[Path]) -> None:
    for target in targets:
        with suppress(OSError):
            part_of(target).unlink(missing_ok=True)
