"""The process that holds one model with the bundled llama.cpp library.

Run as ``python -m airunner.engines.llama_cpp.worker``; ``workers.process``
says how it lives. This is the only module that imports ``xllamacpp``, and
the only place that sets the engine's load parameters.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import socket
import sys
from pathlib import Path
from typing import Any

from airunner.engines.base import LoadPlan
from airunner.engines.llama_cpp.order import LlamaOrder
from airunner.models.memory.language import CHECKPOINTS
from airunner.workers.process import Serving, run_worker

WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "300"}
"""How a thread of the engine waits for the others, some hundred times a token.

Those that spin as long as OpenMP lets them were seen to slow generation by a factor of 17 on
shared cores. Those that sleep at once wake too late: on two cores the small embedded model made
40 tokens a second with two threads and 78 with one. So they spin for some microseconds, about
what it costs to sleep and wake: 120 tokens a second alone, and beside another engine 47 of 57.
"""

KV_TYPES = {"f16": "GGML_TYPE_F16", "q8_0": "GGML_TYPE_Q8_0", "q4_0": "GGML_TYPE_Q4_0"}
ALL_LAYERS = 999
_M_MMAP_THRESHOLD = -3


def engine_params(engine: Any, order: LlamaOrder) -> Any:
    """The ``xllamacpp.CommonParams`` for an order; fields not named keep the engine's default.

    Weights are repacked for the CPU where that is faster (``no_extra_bufts``
    false). The memory estimate (``airunner.models.memory.language``) counts on that, on
    the plan's ``mapped`` and on ``n_ctx_checkpoints``.
    """
    plan = order.plan
    params = engine.CommonParams()
    params.model.path = str(plan.path)
    modes = engine.llama_load_mode
    params.load_mode = modes.LLAMA_LOAD_MODE_MMAP if plan.mapped else modes.LLAMA_LOAD_MODE_NONE
    params.n_ctx_checkpoints = CHECKPOINTS
    params.n_ctx = plan.n_ctx * plan.kv_streams
    params.n_parallel = plan.n_parallel
    params.kv_unified = plan.kv_unified
    params.n_batch = plan.n_batch
    params.n_ubatch = plan.n_ubatch
    params.cache_type_k = getattr(engine.ggml_type, KV_TYPES[plan.kv_type_k])
    params.cache_type_v = getattr(engine.ggml_type, KV_TYPES[plan.kv_type_v])
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = plan.n_threads
        cpu.poll = 0  # A polling thread takes its core from the other engines.

    # AI Runner decides what fits and parks conversations itself.
    params.fit_params = False
    params.cache_ram_mib = 0
    params.cache_idle_slots = False
    params.warmup = False  # Measured: it costs the load what it saves the first token.

    params.port = 0
    params.api_keys = [order.api_key]
    params.slot_save_path = f"{order.folder}/"
    params.endpoint_slots = True
    params.ui = False

    _choose_device(engine, params, plan)
    if plan.yarn_context is not None and plan.n_ctx > plan.yarn_context:
        params.rope_freq_scale = plan.yarn_context / plan.n_ctx
        params.rope_scaling_type = engine.llama_rope_scaling_type.LLAMA_ROPE_SCALING_TYPE_YARN
        params.yarn_orig_ctx = plan.yarn_context
    if plan.embedding:
        params.embedding = True
        params.n_ubatch = plan.n_batch  # An input is embedded in one piece.
    if order.mean_pooling:
        params.pooling_type = engine.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    if plan.mmproj is not None:
        params.mmproj.path = str(plan.mmproj)
    if plan.chat_template is not None:
        params.chat_template = plan.chat_template
    return params


def _choose_device(engine: Any, params: Any, plan: LoadPlan) -> None:
    """Put all of the model on one GPU, or none of it.

    Raises:
        LookupError: the plan asks for a GPU that this build of the engine does not see.
    """
    if plan.gpu_index is None:
        params.n_gpu_layers = 0
        params.no_kv_offload = True
        params.no_op_offload = True
        params.mmproj_use_gpu = False
        return
    kinds = engine.ggml_backend_dev_type
    gpus = [
        device
        for device in engine.get_device_info()
        if device["type"] == kinds.GGML_BACKEND_DEVICE_TYPE_GPU
    ]
    if plan.gpu_index >= len(gpus):
        raise LookupError(
            f"the bundled engine sees {len(gpus)} GPUs and cannot use number {plan.gpu_index}; "
            "install a GPU build of xllamacpp, or set llama_server to a GPU build of llama-server"
        )
    params.n_gpu_layers = ALL_LAYERS
    params.main_gpu = plan.gpu_index
    if plan.mmproj is not None:
        params.mmproj_device = gpus[plan.gpu_index]["name"]  # else it would be the first GPU
    params.split_mode = engine.llama_split_mode.LLAMA_SPLIT_MODE_NONE


def _return_freed_memory() -> None:
    """Have glibc give blocks of a mebibyte and more back to the system when they are freed.

    Left alone it raises that threshold to what it has seen freed, and kept 19 MB
    of read buffers after loading a file of 0.5 GB. Source: mallopt(3).
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(_M_MMAP_THRESHOLD, 1 << 20)


def import_engine() -> Any:
    """The library, set up to compute beside other engines."""
    # These must be set before the library loads; CUDA's own order of GPUs is not the one
    # that the driver's tools count in.
    os.environ |= WAITING
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    # An engine that aborts would first start a debugger on itself, for seconds.
    os.environ["GGML_NO_BACKTRACE"] = "1"
    return importlib.import_module("xllamacpp")


def prepare(_: bool) -> None:
    """Set up the process, and import the library, which takes a moment only."""
    _return_freed_memory()
    import_engine()


def can_listen_at(path: Path) -> bool:
    """Whether a Unix socket can be bound to ``path``.

    Not on a system or file system without them, nor at a path of more than some 100 bytes.
    """
    if not hasattr(socket, "AF_UNIX"):
        return False
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(str(path))
        path.unlink()
    except OSError:
        return False
    return True


def load(order: LlamaOrder) -> Serving:
    """Load a model into the library's own server, which answers in threads of its own.

    It listens at a Unix socket in the order's private folder where it can: other users cannot
    even reach it, and to connect takes a third of the time that it takes on loopback.
    """
    engine = import_engine()
    params = engine_params(engine, order)
    order.folder.mkdir(mode=0o700)
    if can_listen_at(path := order.folder / "w.sock"):
        params.hostnames = [str(path)]
    server = engine.Server(params)
    return Serving(server.listening_address, server=server)


def main() -> None:
    """Serve one model until the parent is gone."""
    run_worker(load, prepare=prepare)


if __name__ == "__main__":
    main()
