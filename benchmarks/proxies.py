"""Other people's servers: a llama-server, and LiteLLM's proxy and hearth before one.

Owns the environments that they are installed in, which are no part of this project's, and
their processes. Each is asked with what its own documentation says.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import platformdirs

from airunner import Settings
from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY, MODEL_REGISTRY
from airunner.engines.base import LoadPlan
from airunner.engines.llama_cpp.order import LlamaOrder
from airunner.runtime import Runtime
from airunner.workers.wire import encode_order
from benchmarks.places import CONTEXT, Place, ended

LITELLM = "litellm[proxy]==1.108.7"
HEARTH = "hearth-llm==0.1.1"
_LLAMA_SERVER = (sys.executable, "-m", "benchmarks.llama_server")
_READY_S = 180


@contextmanager
def litellm(engine: Place, model: str, folder: Path) -> Iterator[Place]:
    """LiteLLM's proxy before ``engine``, in one process and without a database."""
    key = engine.headers["Authorization"].removeprefix("Bearer ")
    served = {"model": f"openai/{model}", "api_base": f"{engine.url}/v1", "api_key": key}
    config = folder / "litellm.yaml"
    config.write_text(json.dumps({"model_list": [{"model_name": model, "litellm_params": served}]}))
    port = free_port()
    program = _program(LITELLM, "litellm")
    command = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    settings = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else prices are fetched from the network
        "LITELLM_TELEMETRY": "False",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "True",  # as ours, on loopback
    }
    with _started(command, port, "/health/liveliness", settings) as place:
        yield place


@contextmanager
def hearth(engine: Place, folder: Path) -> Iterator[Place]:
    """hearth before ``engine``, which has one slot and saves it in ``folder``."""
    port = free_port()
    program = _program(HEARTH, "hearth")
    command = [program, "serve", "--upstream", engine.url, "--port", str(port)]
    with _started([*command, "--cache-dir", str(folder), "--ctx", str(CONTEXT)], port) as place:
        yield place


@contextmanager
def llama_server(model: Path, slots: Path, parallel: int) -> Iterator[Place]:
    """A llama-server of ``parallel`` slots, by itself."""
    port = free_port()
    command = [*_LLAMA_SERVER, "--port", str(port), "--model", str(model)]
    command += ["--slots", str(slots), "--parallel", str(parallel)]
    with _started(command, port, "/health") as place:
        yield place


@contextmanager
def bare_engine(home: Path, folder: Path, **settings: object) -> Iterator[Place]:
    """A llama-server that loads the primary exactly as AI Runner does with ``settings``.

    It listens at a port, as others do; ``folder`` takes what it is ordered.
    """
    with Runtime(Settings.load({"home": home, "offline": True, **settings})) as runtime:
        sized = runtime.call(runtime.team.size(MODEL_REGISTRY[EMBEDDED_PRIMARY]))
        plan = replace(sized.plans["cpu"], n_threads=runtime.hardware.n_threads)
    assert isinstance(plan, LoadPlan)
    order, key, port = folder / "order", secrets.token_urlsafe(), free_port()
    (slots := folder / "slots").mkdir()
    order.write_bytes(encode_order(LlamaOrder(plan, key, folder=slots)))
    command = [*_LLAMA_SERVER, "--port", str(port), "--order", str(order)]
    with _started(command, port, "/health") as place:
        yield Place(place.url, {"Authorization": f"Bearer {key}"}, place.pid)


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def _started(
    command: Sequence[str],
    port: int,
    health: str = "/v1/models",
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Place]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env={**os.environ, **settings})
    place = Place(f"http://127.0.0.1:{port}", {}, process.pid)
    with ended(process):
        _wait_for(f"{place.url}{health}", process)
        yield place


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    ends_s = time.monotonic() + _READY_S
    while time.monotonic() < ends_s:
        assert process.poll() is None, f"{process.args!r} has ended"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not answer")


def _program(requirement: str, name: str) -> str:
    """A command of a package, installed into an environment of its own and kept there."""
    folder = platformdirs.user_cache_path("airunner-benchmarks") / requirement
    program = folder / "bin" / name
    if not program.exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, requirement], check=True)
    return str(program)
