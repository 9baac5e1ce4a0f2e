"""The process that holds one image pipeline with the diffusers library.

Run as ``python -m airunner.engines.diffusers.worker``; ``workers.wire`` says
what goes in and out. What it does in detail is in ``workers.image``.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback

from airunner.engines.diffusers import libraries
from airunner.engines.diffusers.loading import failure, load_pipeline
from airunner.engines.diffusers.order import decode_image_order
from airunner.engines.diffusers.runner import Artist
from airunner.engines.diffusers.server import ImageServer
from airunner.workers.background import at_low_priority
from airunner.workers.lifeline import Lifeline
from airunner.workers.wire import SPARE_ARGUMENT, Ready, encode


def main() -> None:
    """Serve one pipeline until the parent is gone."""
    answer = os.dup(1)
    os.dup2(2, 1)  # Whatever the libraries print belongs into the log.
    lifeline = Lifeline(0)
    libraries.set_environment()
    if SPARE_ARGUMENT in sys.argv[1:]:
        with lifeline.watched():
            at_low_priority(libraries.import_ahead)
    line = lifeline.read_line()
    if line is None:
        return
    order = decode_image_order(line)
    started = time.monotonic()
    try:
        with lifeline.deadly():
            pipeline = load_pipeline(order.plan)
    except Exception as error:  # the libraries raise many kinds; the launcher is told which
        traceback.print_exc()
        os.write(answer, encode(failure(error)))
        os._exit(1)
    server = ImageServer(Artist(order.plan, pipeline), order.api_key)

    def follow_parent() -> None:
        lifeline.wait_until_cut()
        server.parts.discard()
        # Nothing that must be released in order, and the kernel frees memory faster.
        os._exit(0)

    threading.Thread(target=follow_parent, daemon=True).start()
    os.write(answer, encode(Ready(server.url, time.monotonic() - started, os.getpid())))
    server.serve_forever()


if __name__ == "__main__":
    main()
