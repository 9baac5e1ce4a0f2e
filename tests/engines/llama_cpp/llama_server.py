"""A stand-in for a user's llama-server: its command line around the bundled engine.

Flags that the real one does not know (build 10434, ``llama-server --help``) end
it with the real one's message, so a wrong flag fails the test.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

os.environ["OMP_WAIT_POLICY"] = "passive"

import xllamacpp


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for flag in (
        "--model", "--host", "--cache-type-k", "--cache-type-v", "--device", "--split-mode",
        "--fit", "--slot-save-path", "--rope-scaling", "--pooling", "--mmproj", "--chat-template",
    ):  # fmt: skip
        parser.add_argument(flag)
    for flag in (
        "--port", "--ctx-size", "--parallel", "--batch-size", "--ubatch-size", "--threads",
        "--threads-batch", "--poll", "--poll-batch", "--cache-ram", "--n-gpu-layers", "--main-gpu",
        "--yarn-orig-ctx", "--ctx-checkpoints",
    ):  # fmt: skip
        parser.add_argument(flag, type=int)
    parser.add_argument("--rope-scale", type=float)
    for flag in (
        "--kv-unified", "--no-kv-unified", "--no-warmup", "--no-webui", "--slots", "--jinja",
        "--embedding", "--no-mmproj-offload", "--no-mmap",
    ):  # fmt: skip
        parser.add_argument(flag, action="store_true")
    options, unknown = parser.parse_known_args()
    if unknown:
        sys.exit(f"error: invalid argument: {unknown[0]}")

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.hostnames = [options.host]
    params.port = options.port
    params.api_keys = [os.environ["LLAMA_API_KEY"]]
    params.n_ctx = options.ctx_size
    params.n_parallel = options.parallel
    params.kv_unified = options.kv_unified
    params.cpuparams.n_threads = options.threads
    params.slot_save_path = options.slot_save_path
    params.fit_params = options.fit == "on"
    params.cache_ram_mib = options.cache_ram
    params.warmup = not options.no_warmup
    try:
        server = xllamacpp.Server(params)
    except RuntimeError:
        os._exit(1)
    print("listening on", server.listening_address, flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
