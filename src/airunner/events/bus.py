"""The synchronous bus that carries events to whoever wants to know."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable

from airunner.events.event import Event

Listener = Callable[[Event], None]
_log = logging.getLogger(__name__)


class EventBus:
    """Delivers each event to every listener at once, in the order of subscription.

    Listeners run on the publisher's thread and must be quick. One that raises is dropped, and
    its error is in the log for those who debug: a broken observer never breaks the work it
    observes, and most that raise have outlived what they told, such as a loop that has ended.
    """

    def __init__(self) -> None:
        self._listeners: dict[int, Listener] = {}
        self._ids = itertools.count()
        self._lock = threading.Lock()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; the returned function removes it."""
        with self._lock:
            key = next(self._ids)
            self._listeners[key] = listener

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.pop(key, None)

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Hand ``event`` to every listener."""
        with self._lock:
            listeners = list(self._listeners.items())
        for key, listener in listeners:
            try:
                listener(event)
            except Exception:
                with self._lock:
                    self._listeners.pop(key, None)
                _log.debug("a listener of events has failed and is dropped", exc_info=True)
