"""A llama-server without anything around it: the bundled engine at a port, for benchmarks.

Run: ``python -m benchmarks.llama_server --model FILE --port 8080 --slots FOLDER``, or with
``--order FILE`` for one that loads exactly as AI Runner's worker would.
"""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path
from typing import Any

from airunner.engines.llama_cpp.worker import engine_params, import_engine
from airunner.workers.wire import decode_order
from benchmarks.places import CONTEXT


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--order", type=Path, help="what a worker was to load, as it is told")
    parser.add_argument("--model")
    parser.add_argument("--slots", help="where states of slots are saved")
    parser.add_argument("--parallel", type=int, default=4, help="slots, each of a whole context")
    options = parser.parse_args()
    engine = import_engine()
    if options.order is not None:
        params = engine_params(engine, decode_order(options.order.read_bytes()))
    else:
        params = _usual_params(engine, options)
    params.port = options.port
    server = engine.Server(params)
    print("listening on", server.listening_address, flush=True)
    signal.pause()


def _usual_params(engine: Any, options: argparse.Namespace) -> Any:
    """As a llama-server is started, but for threads that do not spin on shared cores."""
    params = engine.CommonParams()
    params.model.path = options.model
    params.n_ctx = CONTEXT * options.parallel
    params.n_parallel = options.parallel
    params.kv_unified = False
    params.slot_save_path = f"{options.slots}/"
    params.endpoint_slots = True
    params.fit_params = False
    params.ui = False
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = len(os.sched_getaffinity(0))
        cpu.poll = 0
    return params


if __name__ == "__main__":
    main()
