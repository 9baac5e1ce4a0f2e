"""The HTTP connection from this process to one worker on loopback.

Owns the client, how everything is closed, how a broken connection and a silent worker
become ``WorkerDiedError``, and what all models that are reached so have in common. What
is asked, and what the answers mean, is each engine's model's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Generic, TypeVar

import httpx

from airunner.engines.base import Endpoint, Plan, WorkerExit
from airunner.engines.silence import Silence, SilenceLimits, bytes_at
from airunner.errors import WorkerDiedError, WorkerSilentError
from airunner.json_schema.plain import sound_escapes

PlanT = TypeVar("PlanT", bound=Plan)
_CONNECT_S = 5.0
_DEATH_NOTICE_S = 2.0
_USUAL = SilenceLimits()


class WorkerConnection:
    """Requests to one worker.

    Args:
        model: the registry's name, for messages.
        base_url: where the worker serves.
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
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"},
            # A long prompt is silent for long; what is too long, each request says.
            timeout=httpx.Timeout(None, connect=_CONNECT_S),
            # llama-server hangs up on an idle connection, maybe in the moment it is used again;
            # a new one on loopback costs less than a millisecond.
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
            # Plain HTTP on loopback: reading the certificate store would cost each load 20 ms.
            verify=False,
        )
        self._closing: asyncio.Task[None] | None = None
        # Closing the client while it connects would leave that connection open for good.
        self._beginning: set[asyncio.Timeout] = set()
        self._none_beginning = asyncio.Event()
        self._none_beginning.set()

    @property
    def endpoint(self) -> Endpoint:
        """Address of the worker's server and the headers it wants, for asking it directly."""
        key = {"Authorization": self._client.headers["Authorization"]}
        return Endpoint(str(self._client.base_url), key)

    @asynccontextmanager
    async def asked(
        self, path: str, body: Mapping[str, Any], silence: Silence | None = None
    ) -> AsyncIterator[httpx.Response]:
        """Post ``body`` as JSON, paths as text, and yield the response, which has only begun.

        A worker that says nothing for longer than ``silence`` is ended; without it, what
        is asked is taken for a question that needs no computing.

        Raises:
            WorkerDiedError: the worker is gone, also in the middle of the response,
                or this connection is closed.
            WorkerSilentError: it said nothing for too long, and is gone now.
        """
        if silence is None:
            silence = Silence(self.limits.first_token_s, self.limits.next_token_s)
        if self._closing is not None:
            raise await self.death()
        try:
            # Whatever came in unsound: no engine can be sent half a surrogate pair.
            content = sound_escapes(json.dumps(body, default=str)).encode()
            response = await self._begin(path, content, silence)
        except httpx.ReadTimeout as error:
            raise await self._silent(silence.first_s, "first-token-limit-s") from error
        except (httpx.TransportError, TimeoutError) as error:
            raise await self.death() from error
        try:
            yield response
        except httpx.ReadTimeout as error:
            raise await self._silent(silence.next_s, "next-token-limit-s") from error
        except httpx.TransportError as error:
            raise await self.death() from error
        finally:
            await response.aclose()

    async def death(self) -> WorkerDiedError:
        """The error for a broken connection, with the reason if the process is gone too."""
        try:
            ended = await asyncio.wait_for(self._exited(), _DEATH_NOTICE_S)
        except TimeoutError:
            return WorkerDiedError(self._model, None)
        return WorkerDiedError(self._model, ended.exit_code, ended.log)

    async def aclose(self) -> None:
        """Close the connections to the worker; requests that have not begun fail at once.

        It may be called twice, also at once, and goes on where its caller is cancelled.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        for beginning in self._beginning:
            beginning.reschedule(0)
        try:
            await self._none_beginning.wait()
        finally:
            await self._client.aclose()

    async def _silent(self, limit_s: float, setting: str) -> WorkerSilentError:
        self._kill(f"it said nothing for {limit_s:.0f} s")
        await self.death()
        return WorkerSilentError(self._model, limit_s, setting)

    async def _begin(self, path: str, content: bytes, silence: Silence) -> httpx.Response:
        # httpcore looks into this before every read: the limit for the first piece is another.
        limits: dict[str, float | None] = {"connect": _CONNECT_S, "read": silence.first_s}
        request = self._client.build_request(
            "POST", path, content=content, extensions={"timeout": limits}
        )
        async with asyncio.timeout(None) as beginning:
            self._beginning.add(beginning)
            self._none_beginning.clear()
            try:
                response = await self._client.send(request, stream=True)
                limits["read"] = silence.next_s
                return response
            finally:
                self._beginning.discard(beginning)
                if not self._beginning:
                    self._none_beginning.set()


class ServedModel(Generic[PlanT]):
    """A model of any kind that a worker serves over a connection; implements ``Served``."""

    def __init__(self, plan: PlanT, connection: WorkerConnection) -> None:
        self.plan = plan
        self._connection = connection
        self._n_bytes = bytes_at(plan.path)

    @property
    def endpoint(self) -> Endpoint:
        """See ``WorkerConnection``."""
        return self._connection.endpoint

    def ask(
        self, path: str, body: Mapping[str, Any], n_tokens: int = 0
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """Ask the worker's server, as ``endpoint`` can be asked, and notice it if it is stuck.

        ``n_tokens`` is how long the prompt may be at most.
        """
        return self._connection.asked(path, body, self._silence(n_tokens))

    def _silence(self, n_tokens: int) -> Silence:
        limits = self._connection.limits
        return Silence(limits.to_read(n_tokens, self._n_bytes), limits.to_go_on(self._n_bytes))

    async def aclose(self) -> None:
        """Close the connections to the worker; requests that have not begun fail at once."""
        await self._connection.aclose()
