"""Work on a thread of its own, that somebody waits for until he may no longer.

For what cannot be told how long to wait, or not to wait any more: looking a name up,
connecting, a server that says nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

_T = TypeVar("_T")


def done_aside(
    work: Callable[[], _T],
    name: str,
    still_waits_s: Callable[[], float],
    undo: Callable[[_T], object] = lambda _: None,
) -> _T:
    """The result of ``work``; given up when ``still_waits_s`` raises, which is what is raised.

    ``still_waits_s`` is asked how long to wait until it is asked again. The thread, called
    ``name``, is left behind then, and what comes of it after that is given to ``undo``.
    Whatever ``work`` raises is raised.
    """
    done: Future[_T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        while not wait([done], still_waits_s()).done:
            pass
    except BaseException:
        done.add_done_callback(lambda late: late.exception() or undo(late.result()))
        raise
    return done.result()
