"""The process that holds one model with a user's own ``llama-server`` binary.

Run as ``python -m airunner.engines.llama_cpp.server_worker``. It starts the binary,
waits until it answers, and then only watches: for the parent's end, on which it
ends the server, and for the server's end, which it makes its own.

Flags as of llama.cpp's ``tools/server/README.md`` in 2026; builds from before
December 2025 lack ``--fit``.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from http.client import HTTPException
from urllib.request import ProxyHandler, build_opener

from airunner.engines.llama_cpp.order import LlamaOrder
from airunner.engines.llama_cpp.worker import WAITING
from airunner.errors import LoadError
from airunner.models.memory.language import CHECKPOINTS
from airunner.workers.lifeline import kill_on_close
from airunner.workers.process import Serving, run_worker

POLL_S = 0.02


def server_arguments(order: LlamaOrder, port: int) -> list[str]:
    """The command line for an order, without the binary and the key.

    Says the same as ``worker.engine_params``.
    """
    plan = order.plan
    arguments = [
        *("--model", str(plan.path), "--host", "127.0.0.1", "--port", str(port)),
        *("--ctx-size", str(plan.n_ctx * plan.kv_streams), "--parallel", str(plan.n_parallel)),
        "--kv-unified" if plan.kv_unified else "--no-kv-unified",
        *("--batch-size", str(plan.n_batch)),
        *("--ubatch-size", str(plan.n_batch if plan.embedding else plan.n_ubatch)),
        *("--cache-type-k", plan.kv_type_k, "--cache-type-v", plan.kv_type_v),
        *("--threads", str(plan.n_threads), "--threads-batch", str(plan.n_threads)),
        *("--poll", "0", "--poll-batch", "0"),
        *("--fit", "off", "--cache-ram", "0", "--no-warmup", "--no-webui", "--slots", "--jinja"),
        *("--slot-save-path", f"{order.folder}/", "--ctx-checkpoints", str(CHECKPOINTS)),
    ]
    if not plan.mapped:
        arguments.append("--no-mmap")
    if plan.gpu_index is None:
        arguments += ["--device", "none", "--no-mmproj-offload"]
    else:
        arguments += ["--n-gpu-layers", "999", "--split-mode", "none"]
        arguments += ["--main-gpu", str(plan.gpu_index)]
    if plan.yarn_context is not None and plan.n_ctx > plan.yarn_context:
        arguments += ["--rope-scaling", "yarn", "--yarn-orig-ctx", str(plan.yarn_context)]
        arguments += ["--rope-scale", str(plan.n_ctx / plan.yarn_context)]
    if plan.embedding:
        arguments.append("--embedding")
    if order.mean_pooling:
        arguments += ["--pooling", "mean"]
    if plan.mmproj is not None:
        arguments += ["--mmproj", str(plan.mmproj)]
    if plan.chat_template is not None:
        arguments += ["--chat-template", plan.chat_template]
    return arguments


def start_server(order: LlamaOrder, port: int) -> subprocess.Popen[bytes]:
    """Start the binary so that it cannot outlive this process, even one killed with -9."""
    environment = os.environ | {
        "LLAMA_API_KEY": order.api_key,
        **WAITING,
        "GGML_NO_BACKTRACE": "1",
        "CUDA_DEVICE_ORDER": os.environ.get("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),
    }
    # The write end stays open here, unused, until this process is gone.
    lifeline, _ = os.pipe()
    server = subprocess.Popen(
        [str(order.llama_server), *server_arguments(order, port)],
        stdin=lifeline,
        stdout=2,
        env=environment,
    )
    kill_on_close(lifeline, server.pid)
    os.close(lifeline)
    return server


def wait_until_ready(server: subprocess.Popen[bytes], url: str) -> bool:
    """Return true when the server answers, false when it has ended instead."""
    ask = build_opener(ProxyHandler({})).open
    while server.poll() is None:
        # It answers 503 while it loads.
        with suppress(OSError, HTTPException), ask(f"{url}/health", timeout=5):
            return server.poll() is None
        time.sleep(POLL_S)
    return False


def free_port() -> int:
    """A loopback port that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end_like(code: int) -> None:
    """End this process with the exit code of another; negative means by that signal."""
    if code < 0:
        with suppress(OSError):  # The action of SIGKILL is fixed.
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def load(order: LlamaOrder) -> Serving:
    """Start the user's server and wait for its model.

    Raises:
        LoadError: it does not start, or ended before it answered.
    """
    order.folder.mkdir(mode=0o700)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    try:
        server = start_server(order, port)
    except OSError as error:
        problem = f"{order.llama_server} does not start: {error.strerror}"
        raise LoadError(order.plan.model, problem) from error
    if not wait_until_ready(server, url):
        problem = f"llama-server ended with exit code {server.returncode}"
        raise LoadError(order.plan.model, problem)

    def follow() -> None:
        code = server.wait()
        shutil.rmtree(order.folder, ignore_errors=True)
        end_like(code)

    def end() -> None:
        server.kill()
        server.wait()

    return Serving(url, server.pid, serve=follow, tidy=end)


def main() -> None:
    """Run one server until the parent or the server is gone."""
    run_worker(load)


if __name__ == "__main__":
    main()
