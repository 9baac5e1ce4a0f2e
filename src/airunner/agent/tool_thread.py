"""One tool body on a thread of its own.

Owns the thread, the scope the tool runs in, and giving up on it. A thread
cannot be killed, so a tool that hangs is *abandoned*: it is told through
``api.cancelled``, what it holds is closed, and nobody waits for it any more.
The threads are daemons, made one per call: a pool would fill up with hung
tools, and the interpreter would wait for them when it exits.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from airunner.engines.image import Drawn, ImageRequest
from airunner.errors import LeaseRefusedError, ToolFailedError
from airunner.models.spec import ModelCapability
from airunner.pictures import PicturesFolder
from airunner.resources.scope import Scope, enter_scope
from airunner.tools.api import SpecialistHandle, Specialists
from airunner.tools.arguments import Arguments
from airunner.tools.facilities import Facilities
from airunner.tools.files_folder import FilesFolder
from airunner.tools.passages import head_and_tail
from airunner.tools.tool import Tool, text_of

if TYPE_CHECKING:
    from airunner.agent.approvals import Grant
    from airunner.records.records import Records
    from airunner.tools.system_view import SystemView

_REPORT_TOKENS = 200


class CallApi:
    """The ``api`` of one call. After the call was given up, models are no longer to be had.

    ``drawing`` is true while a picture is being drawn.
    """

    def __init__(
        self,
        specialists: Specialists | None,
        on_report: Callable[[str], None],
        facilities: Facilities | None = None,
        conversation: str = "",
        on_switch: Callable[[str], None] = lambda _: None,
        grant: Grant | None = None,
    ) -> None:
        self._grant = grant
        self._specialists, self._on_report = specialists, on_report
        self._facilities, self.conversation = facilities, conversation
        self._on_switch = on_switch
        self._cancelled = threading.Event()
        self.drawing = False

    @property
    def cancelled(self) -> bool:
        """True once nobody waits for the result."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Tell the tool that its result is not wanted any more."""
        self._cancelled.set()

    def report(self, text: str) -> None:
        """Tell the user how far the work is."""
        if not self.cancelled:
            self._on_report(head_and_tail(str(text), _REPORT_TOKENS))

    def use_specialized_model(
        self, capability: ModelCapability, prompt: str, max_tokens: int = 512
    ) -> str | None:
        """See ``Specialists``."""
        if self._specialists is None or self.cancelled:
            return None
        return self._specialists.use_specialized_model(capability, prompt, max_tokens=max_tokens)

    def load_specialized_model(
        self, capability: ModelCapability, return_to_primary: bool = True
    ) -> SpecialistHandle | None:
        """See ``Specialists``."""
        if self._specialists is None or self.cancelled:
            return None
        return self._specialists.load_specialized_model(
            capability, return_to_primary=return_to_primary
        )

    @contextmanager
    def series(self) -> Iterator[None]:
        """See ``Specialists``."""
        if self._specialists is None or self.cancelled:
            yield
        else:
            with self._specialists.series():
                yield

    def prepare_drawing(self) -> None:
        """See ``Specialists``."""
        if self._specialists is not None and not self.cancelled:
            self._specialists.prepare_drawing()

    def draw(self, request: ImageRequest) -> Drawn:
        """See ``Specialists``."""
        self.drawing = True
        try:
            return self._models().draw(request)
        finally:
            self.drawing = False

    @property
    def pictures(self) -> PicturesFolder:
        """See ``Specialists``."""
        return self._models().pictures

    def forbids(self, argument: str, value: str) -> bool:
        """See ``ToolApi``."""
        return self._grant is not None and self._grant.forbids(argument, value, self._folder())

    def covers(self, argument: str, value: str) -> bool:
        """See ``ToolApi``."""
        return self._grant is None or self._grant.covers(argument, value, self._folder())

    def switch_to(self, conversation: str) -> None:
        """See ``ToolApi``."""
        if not self.cancelled:
            self._on_switch(conversation)

    @property
    def files(self) -> FilesFolder:
        """See ``ToolApi``."""
        return self._given().files

    @property
    def records(self) -> Records:
        """See ``ToolApi``."""
        return self._given().records

    @property
    def system(self) -> SystemView:
        """See ``ToolApi``."""
        return self._given().system

    def _folder(self) -> FilesFolder | None:
        return self._facilities.files if self._facilities is not None else None

    def _given(self) -> Facilities:
        if self._facilities is None:
            problem = "this agent was made without files, records and a view of the system"
            raise ToolFailedError("the tool", problem)
        return self._facilities

    def _models(self) -> Specialists:
        if self._specialists is None or self.cancelled:
            problem = "this call was given up, or runs without models"
            raise LeaseRefusedError("an image model", problem)
        return self._specialists


class ToolThread:
    """A started call of a tool. ``result`` becomes its text, or what it raised."""

    def __init__(self, tool: Tool, arguments: Arguments, api: CallApi, owner: str) -> None:
        self.result: Future[str] = Future()
        # A running future cannot be cancelled from the waiting side, so setting it never fails.
        self.result.set_running_or_notify_cancel()
        self._tool, self._arguments, self._api, self._owner = tool, arguments, api, owner
        self._scope: Scope | None = None
        self._stop_coroutine: Callable[[], object] | None = None
        # The tool sees the caller's context variables, and its scope beside them.
        context = contextvars.copy_context()
        self._start(f"tool {tool.name}", context.run, self._run)

    def abandon(self) -> None:
        """Stop caring about the tool: returns at once, whatever the tool does."""
        self._api.cancel()
        if self._stop_coroutine is not None:
            with suppress(RuntimeError):  # its loop has just closed by itself
                self._stop_coroutine()
        if self._scope is not None and self._scope.handles:
            self._start(f"closing {self._tool.name}", _close_all, self._scope)

    def _run(self) -> None:
        try:
            with enter_scope(self._owner) as scope:
                self._scope = scope
                value = self._tool.start(self._arguments, self._api)
                if inspect.isawaitable(value):
                    value = asyncio.run(self._await(value))
                # Here and not on the event loop, which a huge result would hold up.
                text = text_of(value)
        except Exception as error:
            self.result.set_exception(error if _crosses_threads(error) else self._failed(error))
        except BaseException as error:
            # sys.exit() in a tool, or a coroutine cancelled from within, ends the tool alone.
            self.result.set_exception(self._failed(error))
        else:
            self.result.set_result(text)

    def _failed(self, error: BaseException) -> ToolFailedError:
        failed = ToolFailedError(self._tool.name, f"it ended with {type(error).__name__}")
        failed.__cause__ = error
        return failed

    async def _await(self, value: Awaitable[object]) -> object:
        """Await the tool's coroutine on a loop of its own.

        On the agent's loop, a blocking call in it (the ``api`` blocks) would
        wait for work that only this loop could do.
        """
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(value)
        self._stop_coroutine = lambda: loop.call_soon_threadsafe(task.cancel)
        if self._api.cancelled:
            task.cancel()
        return await task

    @staticmethod
    def _start(name: str, target: Callable[..., object], *args: object) -> None:
        threading.Thread(target=target, args=args, name=name, daemon=True).start()


def _crosses_threads(error: Exception) -> bool:
    """Whether a future can carry ``error``: none carries a StopIteration."""
    return not isinstance(error, StopIteration)


def _close_all(scope: Scope) -> None:
    """Close what an abandoned tool holds, so that the primary gets its memory back."""
    for handle in reversed(list(scope.handles)):
        handle.close()
