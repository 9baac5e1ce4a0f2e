"""Work that gives way to others on the CPU.

On Linux a priority belongs to a thread, so a spare process can import at a low
one and still compute at the normal one afterwards.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

NICENESS = 5
"""A quarter of a core beside somebody who wants it all (``sched_prio_to_weight`` in Linux: 335
to 1024). Somebody may come to wait for the work, and a thread cannot raise itself again:
measured beside two busy programs on two cores, an image worker that was ordered to load while it
imported was ready after 91 s at the lowest priority, 19, after 47 s at 10 and 17 s at 5, instead
of 5 s alone. A model that generates meanwhile was not seen to be slower for it.
"""


def started_at_low_priority(work: Callable[[], object]) -> threading.Thread:
    """A thread that does ``work``, at a low priority where a thread can have one."""

    def lowered() -> None:
        if sys.platform == "linux":
            # Whoever was started at a lower one may not go higher.
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), max(own, NICENESS))
        work()

    thread = threading.Thread(target=lowered)
    thread.start()
    return thread
