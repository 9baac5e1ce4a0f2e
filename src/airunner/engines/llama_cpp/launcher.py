"""Language models on this machine: one process per loaded model.

Owns what a language model's process is told, and its slot folder. The processes
are ``reserve``'s; what a child does is in ``worker`` and ``server_worker``.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from airunner.engines.base import LoadPlan, WorkerExit
from airunner.engines.llama_cpp.client import LlamaCppModel
from airunner.engines.llama_cpp.installation import engine_version
from airunner.engines.llama_cpp.load_log import explain
from airunner.engines.llama_cpp.order import Order
from airunner.engines.llama_cpp.slot_files import fingerprint
from airunner.errors import MissingWeightsError
from airunner.models.files.gguf_header import read_header
from airunner.workers.child import Child
from airunner.workers.local_worker import LocalWorker
from airunner.workers.reserve import Reserve, answer_of
from airunner.workers.wire import Failed, encode


@dataclass(slots=True)
class EngineOptions:
    """What all workers share.

    ``llama_server`` is a user's own ``llama-server`` binary to use instead of
    the bundled library; ``run_dir`` is a private folder for logs and slot files.
    """

    run_dir: Path
    llama_server: Path | None = None
    extra_args: Sequence[str] = field(default_factory=tuple)


@dataclass(slots=True)
class _Berth:
    """A child process with the slot folder that belongs to it."""

    child: Child
    slot_dir: Path


class LocalLauncher:
    """Starts workers as child processes; implements ``engines.base.Launcher``.

    With ``spare``, one process that has already imported the engine waits for
    the next plan, and is replaced in the background after it is used.
    """

    def __init__(self, options: EngineOptions, *, spare: bool = True) -> None:
        self._options = options
        self._keep_spare = spare
        self._reserve = Reserve(self._start)

    async def launch(self, plan: LoadPlan) -> LocalWorker[LlamaCppModel]:
        """Start a worker and return once its model is ready; cancelling kills it.

        Raises:
            MissingWeightsError: there is no such file.
            CorruptWeightsError: the file is damaged or no GGUF.
            UnsupportedArchitectureError: the engine does not know the architecture.
            LoadError: anything else, such as too little memory.
        """
        for file in (plan.path, plan.mmproj):
            if file is not None and not file.is_file():
                raise MissingWeightsError(plan.model, [file])
        key = secrets.token_urlsafe(32)
        berth = self._reserve.give(
            plan.model, lambda berth: encode(self._order(plan, key, berth.slot_dir))
        )
        child = berth.child

        def explained(failed: Failed, ended: WorkerExit) -> Exception:
            return explain(plan, failed.problem, ended.exit_code, ended.log)

        answer = await answer_of(child, explained)
        if self._keep_spare:
            self._reserve.refill()
        model = LlamaCppModel(
            plan,
            answer.url,
            key,
            berth.slot_dir,
            child.wait,
            guidance=self._options.llama_server is None,
            # Of the file as it is now: it may be replaced while the model is in memory.
            seal=fingerprint(plan, engine_version(self._options.llama_server)),
        )
        return LocalWorker(child, model, answer.pid, answer.load_s)

    async def close(self) -> None:
        """End the spare process and keep none from now on."""
        await self._reserve.close()

    def _order(self, plan: LoadPlan, key: str, slot_dir: Path) -> Order:
        return Order(
            plan,
            key,
            slot_dir,
            mean_pooling=plan.embedding and not _says_how_to_pool(plan.path),
            llama_server=self._options.llama_server,
            extra_args=tuple(self._options.extra_args),
        )

    def _start(self, *arguments: str) -> _Berth:
        run_dir = self._options.run_dir
        run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        slot_dir = run_dir / f"slots-{secrets.token_hex(8)}"
        module = "worker" if self._options.llama_server is None else "server_worker"
        child = Child(
            f"{__package__}.{module}",
            *arguments,
            on_exit=partial(shutil.rmtree, slot_dir, ignore_errors=True),
        )
        return _Berth(child, slot_dir)


def _says_how_to_pool(path: Path) -> bool:
    """Whether a file is made for embedding; a chat model's hidden states have to be averaged."""
    return any(key.endswith(".pooling_type") for key in read_header(path).metadata)
