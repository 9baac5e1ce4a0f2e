"""The connections of one client, which another thread can end.

A client's own limits count from one byte to the next: a server that sends one now and then, or
heads of answers without an end, would hold its thread for ever, also where nobody waits for
it any more.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

_MADE = (".connect_tcp.complete", ".start_tls.complete")


class Connections:
    """Every connection that is made for a client with these ``hooks``; none once ``ended``."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self.ended = False

    @property
    def hooks(self) -> Mapping[str, Any]:
        """The client's ``event_hooks``."""
        return {"request": [self._follow]}

    def end(self) -> None:
        """Break off whatever is read or written over them, now and from now on."""
        self.ended = True
        for each in self._sockets:
            with suppress(OSError):  # the other side may have ended it
                each.shutdown(socket.SHUT_RDWR)  # wakes who waits; what still comes is read on
            each.close()

    @contextmanager
    def ended_after(self, longest_s: float) -> Iterator[None]:
        """End them where the body takes longer."""
        timer = threading.Timer(longest_s, self.end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _follow(self, request: httpx.Request) -> None:
        request.extensions = {**request.extensions, "trace": self._see}

    def _see(self, what: str, facts: Mapping[str, Any]) -> None:
        if what.endswith(_MADE):
            self._sockets.append(facts["return_value"].get_extra_info("socket"))
            if self.ended:
                self.end()
