"""A llama-server without anything around it: the bundled engine at a port, for benchmarks.

Run: ``python -m benchmarks.llama_server --model FILE --port 8080 --slots FOLDER``
"""

from __future__ import annotations

import argparse
import os
import signal
from importlib import import_module

from benchmarks.places import CONTEXT


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slots", required=True, help="where states of slots are saved")
    parser.add_argument("--parallel", type=int, default=4, help="slots, each of a whole context")
    options = parser.parse_args()
    # As AI Runner's own worker has it; the library reads it as it is loaded.
    os.environ["OMP_WAIT_POLICY"] = "passive"
    engine = import_module("xllamacpp")
    params = engine.CommonParams()
    params.model.path = options.model
    params.port = options.port
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
    server = engine.Server(params)
    print("listening on", server.listening_address, flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
