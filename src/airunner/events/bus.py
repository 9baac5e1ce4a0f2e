"""The synchronous bus that carries events to whoever wants to know."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

from airunner.events.event import Event

Listener = Callable[[Event], None]


class EventBus:
    """Delivers each event to every listener at once, in the order of subscription.

    Listeners run on the publisher's thread and must be quick. One that raises
    is dropped after its error is handed to ``on_listener_error``: a broken
    observer never breaks the work it observes.
    """

    def __init__(self, on_listener_error: Callable[[Exception], None] | None = None) -> None:
        self._listeners: dict[int, Listener] = {}
        self._ids = itertools.count()
        self._lock = threading.Lock()
        self._on_listener_error = on_listener_error

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
                    self._listeners.pop(key, None)
                if self._on_listener_error is not None:
                    self._on_listener_error(error)
