"""The HTTP connection from this process to one worker, by a Unix socket or on loopback.

Owns the requests, how everything is closed, how a broken connection and a silent worker
become ``WorkerDiedError``, and what all models that are reached so have in common. What
is asked, and what the answers mean, is each engine's model's; how an answer is read
``worker_answer``'s. No HTTP library is used: one costs more for each token than all else
that is done with it here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from pydantic_core import to_json

from airunner.durations import format_seconds
from airunner.engines.base import Plan, WorkerExit
from airunner.engines.silence import Silence, SilenceLimits, SilenceWatch
from airunner.engines.worker_answer import WorkerAnswer
from airunner.engines.worker_socket import WorkerSocket
from airunner.errors import GenerationError, WorkerDiedError, WorkerSilentError
from airunner.json_schema.plain import sound_escapes
from airunner.weights.local import stored_bytes

PlanT = TypeVar("PlanT", bound=Plan)
_UNIX = "unix://"
_CONNECT_S = 5.0
_PING = b"3\r\n:\n\n\r\n"
"""What llama-server's connections send every 30 seconds in which their stream has nothing."""
_DEATH_NOTICE_S = 2.0
_OTHER_FORM = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
_LOOKS = 4
"""How often in the longest silence it is looked how far an answer has come."""
_USUAL = SilenceLimits()
Progress = Callable[[], Awaitable[int]]


def encoded(body: Mapping[str, Any]) -> bytes:
    """JSON that any engine can be sent: paths as text, and no half of a surrogate pair."""
    try:
        return to_json(body)
    except ValueError:  # a value that it does not know, or half of a pair
        return sound_escapes(json.dumps(body, default=str)).encode()


class WorkerConnection:
    """Requests to one worker.

    Args:
        model: the registry's name, for messages.
        base_url: where the worker serves: ``http://`` a host and a port, or ``unix://`` a path.
        api_key: what it wants to see with every request.
        exited: returns when the worker's process has ended; asked for the reason
            when a connection breaks.
        kill: ends the process at once, where it says nothing any more; told why.
        limits: how long it may say nothing.
    """

    def __init__(
        self,
        model: str,
        base_url: str,
        api_key: str,
        exited: Callable[[], Awaitable[WorkerExit]],
        kill: Callable[[str], object] = lambda reason: None,
        limits: SilenceLimits = _USUAL,
    ) -> None:
        self.limits = limits
        self._model = model
        self._exited, self._kill = exited, kill
        self._url = base_url
        self._host = "localhost" if base_url.startswith(_UNIX) else urlsplit(base_url).netloc
        self._api_key = api_key
        self._is_closed = False
        self._connecting: set[asyncio.Timeout] = set()
        self._connected: set[asyncio.Transport] = set()

    @asynccontextmanager
    async def asked(
        self,
        path: str,
        body: Mapping[str, Any] | bytes | None,
        silence: Silence | None = None,
        progress: Progress | None = None,
    ) -> AsyncIterator[WorkerAnswer]:
        """Post ``body`` as JSON, if it is not yet, and yield the response, which has only begun.

        Without a body, what is at ``path`` is asked for. A worker that says nothing for
        longer than ``silence`` is ended; without it, what is asked is taken for a question
        that needs no computing. Where the answer comes as a whole, ``progress`` says how
        far it has come, and that it grows is a sign of life.

        Raises:
            WorkerDiedError: the worker is gone, also in the middle of the response,
                or this connection is closed.
            WorkerSilentError: it said nothing for too long, and is gone now.
            GenerationError: what reads the response finds it in no form that it knows.
        """
        if silence is None:
            silence = Silence(self.limits.first_token_s, self.limits.next_token_s)
        if self._is_closed:
            raise await self.death()
        content = body if isinstance(body, bytes) else b"" if body is None else encoded(body)
        socket = await self._connect()
        transport = socket.transport
        watch = SilenceWatch(silence.first_s, transport.abort)
        has_head = has_begun = False

        async def receive() -> bytes:
            watch.begin()
            try:
                while (piece := await socket.read()) == _PING:
                    pass  # whoever writes them does not know whether the work goes on
            except OSError as error:
                raise await self.death() from error
            watch.end()
            if watch.has_ended:
                raise await self._silent(watch.limit_s, has_begun)
            if has_head and not has_begun:
                begun()
            return piece

        def begun() -> None:
            nonlocal has_begun
            watch.limit_s, has_begun = silence.next_s, True

        async def follow(progress: Progress) -> None:
            seen = 0
            while True:
                await asyncio.sleep(silence.next_s / _LOOKS)
                if (come := await progress()) > seen:
                    seen = come
                    begun()
                    watch.renew()

        following = None if progress is None else asyncio.create_task(follow(progress))
        self._connected.add(transport)
        try:
            if self._is_closed:  # while it connected
                raise await self.death()
            method = "GET" if body is None else "POST"
            transport.write(self._head(method, path, len(content)) + content)
            # The head of a stream comes before its prompt is read: only the body is an answer.
            answer = await WorkerAnswer.begun(receive, self.death)
            has_head = True
            if answer.has_body:
                begun()
            yield answer
        except _OTHER_FORM as error:
            problem = f"its worker's answer is in another form ({type(error).__name__}: {error})"
            raise GenerationError(self._model, problem) from error
        finally:
            watch.close()
            if following is not None:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
            self._connected.discard(transport)
            transport.abort()

    async def death(self) -> WorkerDiedError:
        """The error for a broken connection, with the reason if the process is gone too."""
        try:
            ended = await asyncio.wait_for(self._exited(), _DEATH_NOTICE_S)
        except TimeoutError:
            return WorkerDiedError(self._model, None)
        return WorkerDiedError(self._model, ended.exit_code, ended.log)

    async def aclose(self) -> None:
        """Close the connections to the worker; requests that have not begun fail at once."""
        if not self._is_closed:
            self._is_closed = True
            for beginning in self._connecting:
                if not beginning.expired():
                    beginning.reschedule(0)
            for transport in self._connected:
                transport.abort()

    async def _silent(self, limit_s: float, has_begun: bool) -> WorkerSilentError:
        setting = "next-token-limit-s" if has_begun else "first-token-limit-s"
        self._kill(f"it said nothing for {format_seconds(limit_s)}")
        await self.death()
        return WorkerSilentError(self._model, limit_s, setting)

    async def _connect(self) -> WorkerSocket:
        """A new connection: llama-server hangs up on an idle one, maybe when it is used again.

        It costs a fraction of a millisecond.
        """
        try:
            async with asyncio.timeout(_CONNECT_S) as beginning:
                self._connecting.add(beginning)
                try:
                    return await self._open()
                finally:
                    self._connecting.discard(beginning)
        except OSError as error:  # also one that takes too long
            raise await self.death() from error

    async def _open(self) -> WorkerSocket:
        loop = asyncio.get_running_loop()
        if self._url.startswith(_UNIX):
            path = self._url.removeprefix(_UNIX)
            _, socket = await loop.create_unix_connection(WorkerSocket, path)
        else:
            place = urlsplit(self._url)
            address = place.hostname or "", place.port or 0
            _, socket = await loop.create_connection(WorkerSocket, *address)
        return socket

    def _head(self, method: str, path: str, n_bytes: int) -> bytes:
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Authorization: Bearer {self._api_key}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {n_bytes}\r\nConnection: close\r\n\r\n"
        ).encode()


class ServedModel(Generic[PlanT]):
    """A model of any kind that a worker serves over a connection; implements ``Served``."""

    def __init__(self, plan: PlanT, connection: WorkerConnection) -> None:
        self.plan = plan
        self._connection = connection
        self._n_bytes = stored_bytes(plan.path)

    def ask(
        self, path: str, body: Mapping[str, Any], n_tokens: int = 0
    ) -> AbstractAsyncContextManager[WorkerAnswer]:
        """Ask the worker's server, and notice it if it is stuck.

        ``n_tokens`` is how long the prompt may be at most.
        """
        return self._connection.asked(path, body, self._silence(n_tokens))

    def _silence(self, n_tokens: int) -> Silence:
        limits = self._connection.limits
        return Silence(limits.to_read(n_tokens, self._n_bytes), limits.to_go_on(self._n_bytes))

    async def aclose(self) -> None:
        """Close the connections to the worker; requests that have not begun fail at once."""
        await self._connection.aclose()
