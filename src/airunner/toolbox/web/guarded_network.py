"""Connections to public addresses and to nothing else.

Owns the step from a host's name to a socket. A name is looked up once, every
address it has is checked, and the socket is opened to one of those very addresses:
a name that answers differently the next time (DNS rebinding) gains nothing. TLS and
the Host header keep the name. Loaded only when something is fetched.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any

import httpcore

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.web.deadline import LOOK_S, Deadline
from airunner.toolbox.web.public_address import IPAddress

SocketAddress = tuple[str, int]
"""An IP address as text, and a port."""

_MOST_TRIED = 4


def look_up(host: str, port: int) -> list[SocketAddress]:
    """Every address that the system knows for ``host``, as a connection would use them.

    Raises:
        OSError: there is none (``socket.gaierror``), or ``UnicodeError``: no host can be called so.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((str(address[0]), int(address[1])) for *_, address in found))


class GuardedNetwork(httpcore.NetworkBackend):
    """What the connection pool opens its sockets with.

    Args:
        tool: whose errors are raised.
        resolve: the addresses of a host and port.
        is_allowed: whether an address may be connected to.
        deadline: bounds every wait.
    """

    def __init__(
        self,
        tool: str,
        resolve: Callable[[str, int], Sequence[SocketAddress]],
        is_allowed: Callable[[IPAddress], bool],
        deadline: Deadline,
    ) -> None:
        self._tool, self._resolve, self._is_allowed = tool, resolve, is_allowed
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of ``host`` that answers.

        Raises:
            ToolFailedError: an address of the host is not public, or nothing can be looked up.
            ToolRetryError: there is no such host.
            httpcore.ConnectError: none of its addresses answers (or ``ConnectTimeout``).
        """
        last: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address, its_port in self._checked(host, port)[:_MOST_TRIED]:
            try:
                connecting = partial(
                    self._sockets.connect_tcp,
                    address,  # a number, so nothing is looked up a second time
                    its_port,
                    self._deadline.at_most(timeout),
                    local_address,
                    socket_options,
                )
                stream = self._deadline.wait_for(connecting, httpcore.NetworkStream.close)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
            else:
                return _BoundedStream(stream, self._deadline)
        if last is None:
            raise ToolRetryError(f"There is no host called {host!r}; check the address.")
        raise last

    def _checked(self, host: str, port: int) -> list[SocketAddress]:
        """The addresses of ``host``; one that is not allowed spoils them all."""
        self._deadline.at_most(None)
        try:
            found = list(self._deadline.wait_for(lambda: self._resolve(host, port)))
        except socket.gaierror as error:
            if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None)):
                raise ToolRetryError(
                    f"There is no host called {host!r}; check the address."
                ) from None
            raise ToolFailedError(
                self._tool,
                f"{host} could not be looked up ({error.strerror}); "
                "this machine may have no connection to the internet",
            ) from error
        except (UnicodeError, OSError) as error:
            raise ToolRetryError(f"{host!r} cannot be a host's name: {error}") from None
        for address, _ in found:
            if not self._is_allowed(ip_address(address)):
                raise ToolFailedError(
                    self._tool,
                    f"{host} leads to {address}, which is not on the public internet; "
                    "only public addresses are fetched",
                )
        return found


class _BoundedStream(httpcore.NetworkStream):
    """A stream whose every step ends when the deadline does."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Wait for as long, in short steps: a wait for a silent server can be given up."""
        left_s = self._deadline.at_most(timeout)
        while True:
            step_s = min(left_s, LOOK_S)
            began_s = time.monotonic()
            try:
                return self._stream.read(max_bytes, self._deadline.at_most(step_s))
            except httpcore.ReadTimeout:
                left_s -= max(time.monotonic() - began_s, step_s)
                if left_s <= 0:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.at_most(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        try:
            timeout = self._deadline.at_most(timeout)
        except ToolFailedError:
            self.close()  # the pool only closes what it has finished opening
            raise
        handshake = partial(self._stream.start_tls, ssl_context, server_hostname, timeout)
        try:
            secured = self._deadline.wait_for(handshake)
        except ToolFailedError:
            self.close()  # which ends the handshake too
            raise
        return _BoundedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
