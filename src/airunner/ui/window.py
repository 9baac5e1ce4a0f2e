"""One browser tab: what it hears of the server, and how long.

Owns that a tab hears of events on the server's loop, together if many come at once, and
nothing more once it is closed; that what was read last is what it shows; and that what it
shows may get another address.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from nicegui import background_tasks, ui

from airunner.events import Event, EventBus

HEAR_TOGETHER_S = 0.25
"""Events that come within so many seconds are told as one."""


def on_events(
    bus: EventBus,
    kinds: tuple[type[Event], ...],
    changed: Callable[[], Awaitable[None] | None],
    together_s: float = HEAR_TOGETHER_S,
) -> None:
    """Call ``changed`` in the tab that is being built, soon after events of ``kinds``.

    No longer once what is being built there is gone, such as a page that was left.
    """
    client, loop, within = ui.context.client, asyncio.get_running_loop(), ui.context.slot.parent
    timer: asyncio.TimerHandle | None = None
    again = busy = False

    async def call() -> None:
        nonlocal again, busy
        busy = True
        try:
            with client:
                result = changed()
                if inspect.isawaitable(result):
                    await result
        finally:
            busy = False
            if again:
                again = False
                soon()

    def due() -> None:
        nonlocal timer
        timer = None
        if within.is_deleted:
            unsubscribe()
        elif not client.is_deleted:
            background_tasks.create(call(), name="a tab hears of events")

    def soon() -> None:
        nonlocal timer, again
        if busy:
            again = True
        elif timer is None:
            timer = loop.call_later(together_s, due)

    def hear(event: Event) -> None:
        if isinstance(event, kinds):
            loop.call_soon_threadsafe(soon)

    unsubscribe = bus.subscribe(hear)
    client.on_delete(unsubscribe)


_Shown = TypeVar("_Shown")
_Reading = Callable[[_Shown], Coroutine[Any, Any, None]]


def in_order(read: _Reading[_Shown]) -> _Reading[_Shown]:
    """Let a method that reads and shows wait for its call before, of the same object.

    Otherwise what was read first, and has taken longer, would be shown last and stay.
    """
    calls: weakref.WeakKeyDictionary[_Shown, asyncio.Lock] = weakref.WeakKeyDictionary()

    @functools.wraps(read)
    async def ordered(self: _Shown) -> None:
        async with calls.setdefault(self, asyncio.Lock()):
            await read(self)

    return ordered


def stay_at(path: str, shown: ui.element) -> None:
    """Give what is ``shown`` in this window another address, and let it be as it is.

    Who then goes to the address that it had is shown that place anew.
    """
    router = ui.context.client.sub_pages_router
    before = router.current_path
    router.current_path = path
    ui.navigate.history.replace(path)
    pages = next(e for e in ui.context.client.layout.descendants() if isinstance(e, ui.sub_pages))
    known = weakref.ref(shown)  # the router forgets nobody

    def changed(to: str) -> None:
        element = known()
        if element is not None and not element.is_deleted and to == before:
            pages.refresh()

    router.on_path_changed(changed)
