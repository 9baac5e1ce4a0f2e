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
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress

from airunner.agent.call_api import CallApi
from airunner.errors import ToolFailedError
from airunner.resources.scope import Scope, enter_scope
from airunner.tools.arguments import Arguments
from airunner.tools.tool import Tool, text_of


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
