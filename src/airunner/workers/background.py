"""Work that takes only the CPU time that nobody else wants.

On Linux a priority belongs to a thread, so a spare process can import at the
lowest one and still compute at the normal one afterwards.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable


def at_low_priority(work: Callable[[], object]) -> None:
    """Run ``work`` at the lowest priority where a thread can have one; return when it is done."""
    if sys.platform != "linux":
        work()
        return

    def lowered() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        work()

    thread = threading.Thread(target=lowered)
    thread.start()
    thread.join()
