"""Language models on this machine: one process per loaded model.

Owns what a language model's process is told, and its slot folder. The processes
are ``workers.launcher``'s; what a child does is in ``worker`` and ``server_worker``.
"""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from airunner.engines.base import LoadPlan, WorkerExit
from airunner.engines.connection import WorkerConnection
from airunner.engines.llama_cpp.client import LlamaCppModel
from airunner.engines.llama_cpp.control_tokens import ControlTokens, read_control_tokens
from airunner.engines.llama_cpp.installation import engine_version
from airunner.engines.llama_cpp.load_log import explain
from airunner.engines.llama_cpp.order import LlamaOrder
from airunner.engines.llama_cpp.slot_files import fingerprint
from airunner.engines.silence import SilenceLimits
from airunner.errors import MissingWeightsError
from airunner.models.files.gguf_header import read_header
from airunner.workers.launcher import ProcessLauncher
from airunner.workers.wire import Failed, Order


class LocalLauncher(ProcessLauncher[LoadPlan, LlamaCppModel]):
    """Starts workers as child processes; implements ``engines.base.Launcher``.

    ``run_dir`` is a private folder for slot files; ``llama_server`` is a user's own
    ``llama-server`` binary to use instead of the bundled library.
    """

    def __init__(
        self,
        run_dir: Path,
        llama_server: Path | None = None,
        *,
        spare: bool = True,
        limits: SilenceLimits | None = None,
    ) -> None:
        module = "worker" if llama_server is None else "server_worker"
        super().__init__(f"{__package__}.{module}", keep_spare=spare, limits=limits)
        self._run_dir, self._llama_server = run_dir, llama_server
        # By what they are read from, because a model that comes back has them still.
        self._controls: dict[tuple[Path, int, str | None], asyncio.Future[ControlTokens]] = {}

    async def order(self, plan: LoadPlan, api_key: str) -> LlamaOrder:
        """See ``ProcessLauncher``."""
        for file in (plan.path, plan.mmproj):
            if file is not None and not file.is_file():
                raise MissingWeightsError(plan.model, [file])
        key = _identity(plan)
        if key not in self._controls:
            # Beside the load, which takes longer.
            reading = asyncio.to_thread(read_control_tokens, plan.path, plan.chat_template)
            self._controls[key] = asyncio.ensure_future(reading)
        self._run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LlamaOrder(
            plan,
            api_key,
            # Short, for the address of a socket in it may have some 100 bytes.
            folder=self._run_dir / f"slots-{secrets.token_hex(4)}",
            mean_pooling=plan.embedding and not _says_how_to_pool(plan.path),
            llama_server=self._llama_server,
        )

    def connect(self, order: Order[LoadPlan], connection: WorkerConnection) -> LlamaCppModel:
        """See ``ProcessLauncher``."""
        assert order.folder is not None
        guidance = self._llama_server is None
        # Of the file as it is now: it may be replaced while the model is in memory.
        seal = fingerprint(order.plan, engine_version(self._llama_server))
        return LlamaCppModel(
            order.plan,
            connection,
            order.folder,
            guidance=guidance,
            seal=seal,
            controls=self._controls.get(_identity(order.plan)),
        )

    def explain(self, plan: LoadPlan, failed: Failed, ended: WorkerExit) -> Exception:
        """See ``ProcessLauncher``."""
        return explain(plan, failed.problem, ended)


def _identity(plan: LoadPlan) -> tuple[Path, int, str | None]:
    try:
        changed_ns = plan.path.stat().st_mtime_ns
    except OSError:
        changed_ns = 0
    return plan.path, changed_ns, plan.chat_template


def _says_how_to_pool(path: Path) -> bool:
    """Whether a file is made for embedding; a chat model's hidden states have to be averaged."""
    return any(key.endswith(".pooling_type") for key in read_header(path).metadata)
