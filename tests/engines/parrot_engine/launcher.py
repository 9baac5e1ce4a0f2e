"""Starts a process for each voice."""

from __future__ import annotations

from airunner.engines.base import LoadPlan, WorkerExit
from airunner.engines.connection import WorkerConnection
from airunner.errors import LoadError
from airunner.workers.launcher import ProcessLauncher
from airunner.workers.wire import Failed, Order

from .client import ParrotModel


class ParrotLauncher(ProcessLauncher[LoadPlan, ParrotModel]):
    def __init__(self) -> None:
        super().__init__(f"{__package__}.worker")

    async def order(self, plan: LoadPlan, api_key: str) -> Order[LoadPlan]:
        return Order(plan, api_key)

    def connect(self, order: Order[LoadPlan], connection: WorkerConnection) -> ParrotModel:
        return ParrotModel(order.plan, connection)

    def explain(self, plan: LoadPlan, failed: Failed, ended: WorkerExit) -> Exception:
        return LoadError(plan.model, failed.problem or "it died", ended.log)
