"""A specialised model that blocking code of this process holds for several uses.

Owns that it is given back, at the latest when nobody refers to it any more.
"""

from __future__ import annotations

import asyncio
import weakref
from contextlib import AsyncExitStack, suppress
from typing import Self

from airunner.agent.specialist import SpecialistSession
from airunner.errors import AiRunnerError, LeaseRefusedError
from airunner.loop_thread import LoopBridge

_releases: set[asyncio.Task[None]] = set()


class SpecialistHandle:
    """A specialised model held for several uses.

    It is given back by ``close``, on leaving a ``with``, when the tool that
    opened it returns, or when nobody refers to it any more, whichever is first.
    """

    def __init__(
        self, loop: LoopBridge, session: SpecialistSession, held: AsyncExitStack, model: str
    ) -> None:
        self._loop = loop
        self._session = session
        self._held = held
        self._model = model
        self._finalizer = weakref.finalize(self, _release, loop, held)

    def invoke(self, prompt: str, *, max_tokens: int | None = None, remember: bool = True) -> str:
        """The model's answer, continuing the dialogue of earlier calls; blocks until complete.

        ``remember=False`` neither sees earlier calls nor is seen by later ones.

        Raises:
            EngineError: the model could not answer.
            LeaseRefusedError: the handle is closed.
        """
        if not self._finalizer.alive:
            raise LeaseRefusedError(self._model, "this handle is closed; load the model again")
        answer = self._session.invoke(prompt, max_tokens=max_tokens, remember=remember)
        return self._loop.call(answer)

    def close(self) -> None:
        """Give the model back and return when that is done. Closing twice is harmless."""
        if self._finalizer.detach() is not None:
            with suppress(AiRunnerError):  # the runtime has ended, and every lease with it
                self._loop.call(self._held.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _release(loop: LoopBridge, held: AsyncExitStack) -> None:
    """From the garbage collector: on any thread, so it may not wait."""

    def start() -> None:
        task = asyncio.get_running_loop().create_task(held.aclose())
        _releases.add(task)
        task.add_done_callback(_releases.discard)

    loop.soon(start)
