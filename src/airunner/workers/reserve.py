"""Child processes of one kind: started, ordered to load, and one kept ready in advance.

Owns the spare process, which has already imported its library. What is ordered
and what becomes of the answer is the launchers'.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from airunner.engines.base import WorkerExit
from airunner.errors import LoadError
from airunner.workers.child import Child
from airunner.workers.wire import SPARE_ARGUMENT, Failed, Ready, decode_answer


class Berth(Protocol):
    """A child process with whatever belongs to it."""

    @property
    def child(self) -> Child:
        """The process."""
        ...


BerthT = TypeVar("BerthT", bound=Berth)


class Reserve(Generic[BerthT]):
    """Starts children with ``start``, which takes their arguments, and keeps at most one spare."""

    def __init__(self, start: Callable[..., BerthT]) -> None:
        self._start = start
        self._spare: BerthT | None = None
        self._closed = False

    def refill(self) -> None:
        """Start a spare, if there is none. Without one the next load is only slower."""
        if not self._closed and self._spare is None:
            with suppress(OSError):
                self._spare = self._start(SPARE_ARGUMENT)

    def give(self, model: str, order: Callable[[BerthT], bytes]) -> BerthT:
        """Give an order to the spare, or to a new child if there is none or it has died.

        Raises:
            LoadError: no process could be started; ``model`` is named in it.
        """
        spare = self._take()
        if spare is not None and spare.child.tell(order(spare)):
            return spare
        try:
            berth = self._start()
        except OSError as error:
            raise LoadError(model, f"no process could be started: {error}") from error
        berth.child.tell(order(berth))
        return berth

    def dismiss(self) -> None:
        """End the spare, if there is one. Returns at once."""
        if (spare := self._take()) is not None:
            spare.child.kill()

    async def close(self) -> None:
        """End the spare process and keep none from now on."""
        self._closed = True
        if (spare := self._take()) is not None:
            await spare.child.stop()

    def _take(self) -> BerthT | None:
        spare, self._spare = self._spare, None
        return spare


async def answer_of(child: Child, explain: Callable[[Failed, WorkerExit], Exception]) -> Ready:
    """The child's answer to its order; the child is ended on every other outcome.

    Raises:
        Exception: what ``explain`` makes of a failure.
    """
    try:
        answer = decode_answer(await child.answer())
        if isinstance(answer, Failed):
            raise explain(answer, await child.wait())
    except BaseException:
        child.kill()
        await child.wait()
        raise
    return answer
