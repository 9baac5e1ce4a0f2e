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
    the log says which and why: a broken observer never breaks the work it observes.
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
            except Exception as error:
                with self._lock:
                    was_there = self._listeners.pop(key, None) is not None
                if was_there:  # two threads may have published at once
                    told = f"{type(error).__name__}: {error}"
                    _log.warning("%s hears no more events, it failed: %s", _name(listener), told)
                _log.debug("a listener of events has failed", exc_info=True)


def _name(listener: Listener) -> str:
    module = getattr(listener, "__module__", "")
    return f"{module}.{getattr(listener, '__qualname__', type(listener).__qualname__)}"
