"""Fetching what is at a web address, by GET and nothing else.

Owns the request, redirects, time limits, and what each failure means to the
caller. Which addresses may be asked for is ``web_address`` and ``public_address``,
where the connection really goes ``guarded_network``. There is no cookie, no login
and no proxy: a proxy would look names up itself, behind the guard.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from airunner import __version__
from airunner.errors import ToolError, ToolFailedError, ToolRetryError
from airunner.toolbox.web.answer import Answer
from airunner.toolbox.web.deadline import Deadline
from airunner.toolbox.web.public_address import IPAddress, is_public
from airunner.toolbox.web.web_address import checked_address

if TYPE_CHECKING:
    import ssl

    import httpcore
    import httpx

    from airunner.tools.api import ToolApi

MAX_REDIRECTS = 5
CONNECT_S = 10.0
READ_S = 20.0

_TIMEOUTS = {"connect": CONNECT_S, "read": READ_S, "write": READ_S, "pool": CONNECT_S}
_REDIRECTS = {301, 302, 303, 307, 308}
_PART = 206
_GONE = {404, 410}
_CLOSED = {401, 402, 403, 407, 451}
_BUSY = {408, 425, 429, 500, 502, 503, 504}


def nobody_cancels() -> bool:
    """For a fetch that runs to its end."""
    return False


def cancellation(api: ToolApi | None) -> Callable[[], bool]:
    """Whether the call that ``api`` belongs to was cancelled, asked anew each time."""
    return nobody_cancels if api is None else lambda: api.cancelled


def goes_anywhere(address: str) -> bool:
    """For a fetch that may be led to any public address."""
    return True


def following(api: ToolApi | None) -> Callable[[str], bool]:
    """Whether the call that ``api`` belongs to may go on to an address that it is led to."""
    return goes_anywhere if api is None else lambda address: api.covers("url", address)


class Fetcher:
    """Fetches for one tool.

    Args:
        tool: whose errors are raised.
        resolve: the addresses of a host and port, each a number and a port; asks the
            system by default.
        is_allowed: whether an address may be connected to; only public ones by default.
        may_follow: whether a redirect may lead to an address.
        ssl_context: whom to trust; what the system and the package certifi trust by default.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        tool: str,
        *,
        resolve: Callable[[str, int], Sequence[tuple[str, int]]] | None = None,
        is_allowed: Callable[[IPAddress], bool] = is_public,
        may_follow: Callable[[str], bool] = goes_anywhere,
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tool = tool
        self._resolve, self._is_allowed = resolve, is_allowed
        self._may_follow = may_follow
        self._ssl_context, self._clock = ssl_context, clock

    @contextmanager
    def open(
        self,
        address: str,
        *,
        max_bytes: int,
        total_s: float,
        is_cancelled: Callable[[], bool] = nobody_cancels,
        accept: str = "*/*",
        may_compress: bool = True,
    ) -> Iterator[Answer]:
        """The answer at ``address``, to be read inside the body.

        Args:
            address: an http or https address.
            max_bytes: the most that the answer may have, also once it is decompressed.
            total_s: how long everything together may take, reading included.
            is_cancelled: asked before every step.
            accept: the kinds of content that are wanted, as HTTP writes them.
            may_compress: whether the server may compress what it sends.

        Raises:
            ToolRetryError: the address is not one of the web, or nothing is there.
            ToolFailedError: it is not public, or the server does not deliver.
        """
        import httpcore

        deadline = Deadline(self.tool, total_s, is_cancelled, self._clock)
        headers = [
            ("User-Agent", f"AIRunner/{__version__}"),
            ("Accept", accept),
            ("Accept-Encoding", "gzip, deflate" if may_compress else "identity"),
            ("Connection", "close"),
        ]
        url = checked_address(address)
        try:
            with self._pool(deadline) as pool:
                for _ in range(MAX_REDIRECTS + 1):
                    with _get(pool, url, headers) as response:
                        place = _place_to_go(response)
                        if place is None:
                            # No part was asked for: one must not pass for the whole.
                            if not 200 <= response.status < 300 or response.status == _PART:
                                raise self._refused(url, response.status)
                            body = response.iter_stream()
                            yield Answer(self.tool, str(url), response.headers, body, max_bytes)
                            return
                    url = self._next(url, place)
        except httpcore.TimeoutException:
            raise self._failed(f"{url.host} did not answer in time; try again later") from None
        except httpcore.ConnectError as error:
            raise self._failed(f"no connection to {url.host}: {error}") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise self._failed(f"{url.host} broke off: {error or type(error).__name__}") from error
        raise self._failed(f"{address} leads on to more than {MAX_REDIRECTS} other addresses")

    def _pool(self, deadline: Deadline) -> httpcore.ConnectionPool:
        import httpcore

        from airunner.toolbox.web.guarded_network import GuardedNetwork, look_up

        return httpcore.ConnectionPool(
            ssl_context=self._ssl_context,  # read from disk only when TLS is spoken
            # A connection is for one request: kept, it would serve another name at the same
            # address without a look at the certificate for that name.
            max_keepalive_connections=0,
            network_backend=GuardedNetwork(
                self.tool, self._resolve or look_up, self._is_allowed, deadline
            ),
        )

    def _next(self, url: httpx.URL, place: str) -> httpx.URL:
        try:
            target = checked_address(place, url)
            if not self._may_follow(str(target)):
                raise ToolRetryError("what was allowed for the call does not cover it")
            return target
        except ToolRetryError as error:
            raise self._failed(f"{url} leads on to {place!r}, which is refused: {error}") from None

    def _failed(self, problem: str) -> ToolFailedError:
        return ToolFailedError(self.tool, problem)

    def _refused(self, url: httpx.URL, status: int) -> ToolError:
        """The error for an answer that is no success."""
        if status in _GONE:
            return ToolRetryError(
                f"There is nothing at {url} (HTTP {status}); check the address or search for it."
            )
        if status in _CLOSED:
            return self._failed(f"{url.host} lets only its members or no programs in ({status})")
        if status in _BUSY:
            return self._failed(f"{url.host} is too busy or out of order ({status}); try later")
        if status == _PART:
            return self._failed(f"{url.host} sent a part ({status}) that was not asked for")
        return self._failed(f"{url.host} answered with HTTP {status} instead of a page")


def _get(
    pool: httpcore.ConnectionPool, url: httpx.URL, headers: Sequence[tuple[str, str]]
) -> AbstractContextManager[httpcore.Response]:
    import httpcore

    target = httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
    host = ("Host", url.netloc.decode("ascii"))
    return pool.stream("GET", target, headers=[host, *headers], extensions={"timeout": _TIMEOUTS})


def _place_to_go(response: httpcore.Response) -> str | None:
    """Where a redirect leads; ``None`` for every other answer."""
    if response.status not in _REDIRECTS:
        return None
    for name, value in response.headers:
        if name.lower() == b"location":
            return value.decode("utf-8", "replace")
    return None
