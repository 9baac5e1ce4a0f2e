"""Specialised models for blocking code: one answer, or a handle for several.

Owns the synchronous face of leases, callable from any thread but the models' loop: a
tool's body, plain scripts, a notebook. How a specialist is asked is
``airunner.agent.specialist``, and what a handle does ``specialist_handle``; code on the loop
asks the core.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import AsyncExitStack, ExitStack, aclosing, contextmanager, suppress
from typing import Any, TypeVar

from airunner.agent.specialist import (
    DEFAULT_MAX_TOKENS,
    SpecialistRequest,
    SpecialistSession,
    ask_specialist,
    stream_specialist,
)
from airunner.engines.image import Drawn, ImageRequest
from airunner.errors import AiRunnerError, LeaseRefusedError
from airunner.events import EventBus, SpecialistFailed
from airunner.loop_thread import LoopBridge
from airunner.messages import Delta
from airunner.models.spec import ModelCapability
from airunner.pictures import PicturesFolder
from airunner.resources.scope import current_owner, current_scope
from airunner.runtime.image_service import ImageService
from airunner.runtime.specialist_handle import SpecialistHandle
from airunner.runtime.team import ModelTeam

T = TypeVar("T")
_log = logging.getLogger(__name__)


class _Errand:
    """Work on the loop that a thread waits for."""

    def __init__(self, outcome: Future[Any]) -> None:
        self._outcome = outcome

    def close(self) -> None:
        """Break the work off, if it still runs."""
        self._outcome.cancel()


class _Series:
    """A series of models that has begun; ending it twice is harmless."""

    def __init__(self, loop: LoopBridge, open_series: ExitStack) -> None:
        self._loop = loop
        self._open = open_series

    def close(self) -> None:
        """Let the primary return."""

        async def end() -> None:
            self._open.close()

        with suppress(AiRunnerError):  # the runtime has ended
            self._loop.call(end())


class SpecialistDesk:
    """Hands out specialised models; implements ``tools.api.Specialists``."""

    def __init__(
        self, loop: LoopBridge, team: ModelTeam, bus: EventBus, images: ImageService
    ) -> None:
        self._loop = loop
        self._team = team
        self._bus = bus
        self._images = images
        self._held: set[AsyncExitStack] = set()

    async def close(self) -> None:
        """Take back what open handles hold, as the loop cannot end leases in good order."""
        for held in list(self._held):
            await held.aclose()

    @contextmanager
    def reporting(self, capability: ModelCapability, *, required: bool = False) -> Iterator[None]:
        """Log a failure of the body and publish it as ``SpecialistFailed``.

        It is raised only if it is ``required`` that there is none.
        """
        try:
            yield
        except AiRunnerError as error:
            _log.warning("%s could not be used: %s", capability.value, error)
            model = ""
            with suppress(AiRunnerError):
                model = self._team.resolve(capability).model_path
            self._bus.publish(
                SpecialistFailed(capability=capability.value, model=model, problem=str(error))
            )
            if required:
                raise

    def use_specialized_model(
        self, capability: ModelCapability, prompt: str, max_tokens: int = DEFAULT_MAX_TOKENS
    ) -> str | None:
        """See ``tools.api.Specialists``."""
        return self.use(SpecialistRequest(capability, prompt, max_tokens))

    def use(self, asked: SpecialistRequest, *, required: bool = False) -> str | None:
        """One answer; ``None`` if the model could not be used.

        The primary, if it had to leave for this, is brought back at once. The
        reason for a ``None`` is logged and published as ``SpecialistFailed``; with
        ``required`` it is raised.
        """
        owner = current_owner()
        with self.reporting(asked.capability, required=required):
            return self._wait(ask_specialist(self._team, asked, owner))
        return None

    async def answer(
        self,
        asked: SpecialistRequest,
        *,
        required: bool = False,
        on_delta: Callable[[Delta], None] | None = None,
    ) -> str | None:
        """``use`` for code on the loop; ``on_delta`` gets the pieces as they come."""
        owner = current_owner()
        with self.reporting(asked.capability, required=required):
            return await ask_specialist(self._team, asked, owner, on_delta)
        return None

    def stream(self, asked: SpecialistRequest) -> Generator[str, None, None]:
        """The pieces of one answer as they come; closing the generator breaks it off.

        Raises:
            AiRunnerError: the model could not be used.
        """
        owner = current_owner()
        with self.reporting(asked.capability, required=True):
            yield from self._loop.iterate(stream_specialist(self._team, asked, owner))

    async def astream(self, asked: SpecialistRequest) -> AsyncGenerator[str, None]:
        """``stream`` for code on another loop; cancelling it breaks the answer off."""
        owner = current_owner()
        with self.reporting(asked.capability, required=True):
            answer = stream_specialist(self._team, asked, owner)
            async with aclosing(self._loop.iterate_beside(answer)) as pieces:
                async for piece in pieces:
                    yield piece

    def load_specialized_model(
        self,
        capability: ModelCapability,
        return_to_primary: bool = True,
        *,
        required: bool = False,
    ) -> SpecialistHandle | None:
        """Hold a model for many uses; ``None`` if it could not be loaded, unless ``required``.

        With ``return_to_primary`` a primary that had to leave comes back when
        the handle is closed; without, when it is next asked for.
        """
        with self.reporting(capability, required=required):
            handle = self._wait(self._open(capability, current_owner(), return_to_primary))
            scope = current_scope()
            if scope is not None:
                scope.handles.append(handle)
            return handle
        return None

    @contextmanager
    def series(self) -> Iterator[None]:
        """Several models are used in the body; see ``ModelResourceManager.series``."""
        open_series = ExitStack()

        async def begin() -> None:
            open_series.callback(self._images.dismiss)
            open_series.enter_context(self._team.series())

        self._loop.call(begin())
        series = _Series(self._loop, open_series)
        scope = current_scope()
        if scope is not None:  # a tool that is given up must not keep the primary away
            scope.handles.append(series)
        try:
            yield
        finally:
            series.close()
            if scope is not None and series in scope.handles:
                scope.handles.remove(series)

    def prepare_drawing(self) -> None:
        """Let the library of an image model be imported ahead; see ``ImageService.prepare``."""

        async def prepare() -> None:
            self._images.prepare()

        self._wait(prepare())

    def draws_plain_words(self) -> bool:
        """Whether nothing is to be made of a description before it is drawn."""
        return self._wait(self._images.reads_plain_words())

    def draw(self, request: ImageRequest) -> Drawn:
        """Draw and save; see ``ImageService.draw``."""
        return self._wait(self._images.draw(request, owner=current_owner()))

    @property
    def pictures(self) -> PicturesFolder:
        """Where pictures are kept."""
        return self._images.pictures

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text, from the model that serves ``EMBEDDING``.

        Raises:
            AiRunnerError: the model could not be used; see ``ModelTeam.lease``.
        """

        return self._wait(self.vectors(texts))

    async def vectors(self, texts: Sequence[str], model: str | None = None) -> list[list[float]]:
        """The same for code on the loop; ``model`` is a registered one instead of the mapped."""
        capability, owner = ModelCapability.EMBEDDING, current_owner()
        async with self._team.lease(capability, owner=owner, model=model) as lease:
            return await lease.embed(texts)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` and wait; a tool that is abandoned meanwhile takes the work back."""
        outcome = self._loop.submit(work)
        scope = current_scope()
        errand = _Errand(outcome)
        if scope is not None:
            scope.handles.append(errand)
        try:
            return outcome.result()
        except CancelledError:
            problem = "AI Runner is shutting down, or the tool that asked was given up"
            raise LeaseRefusedError("a model", problem) from None
        except BaseException:
            outcome.cancel()
            raise
        finally:
            if scope is not None and errand in scope.handles:
                scope.handles.remove(errand)

    async def _open(
        self, capability: ModelCapability, owner: str, returns: bool
    ) -> SpecialistHandle:
        held = AsyncExitStack()
        lease = await held.enter_async_context(
            self._team.lease(capability, owner=owner, returns=returns)
        )
        self._held.add(held)
        held.callback(self._held.discard, held)
        session = SpecialistSession(lease, capability)
        return SpecialistHandle(self._loop, session, held, lease.spec.model_path)
