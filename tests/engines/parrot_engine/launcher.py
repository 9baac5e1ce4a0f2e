"""Starts a process for each voice."""

from __future__ import annotations

import json
import secrets

from airunner.engines.base import LoadPlan, WorkerExit
from airunner.errors import LoadError
from airunner.workers.child import Child
from airunner.workers.local_worker import LocalWorker
from airunner.workers.reserve import answer_of
from airunner.workers.wire import Failed

from .client import ParrotModel


class ParrotLauncher:
    async def launch(self, plan: LoadPlan) -> LocalWorker[ParrotModel]:
        key = secrets.token_urlsafe(16)
        child = Child(f"{__package__}.worker", on_exit=lambda: None)
        child.tell(json.dumps({"path": str(plan.path), "key": key}).encode() + b"\n")

        def explained(failed: Failed, ended: WorkerExit) -> Exception:
            return LoadError(plan.model, failed.problem or "it died", ended.log)

        answer = await answer_of(child, explained)
        model = ParrotModel(plan, answer.url, key, child.wait)
        return LocalWorker(child, model, answer.pid, answer.load_s)

    async def close(self) -> None:
        pass
