"""How a voice is loaded, and what that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from airunner.devices.device import Device
from airunner.engines.base import LoadPlan, Plan
from airunner.engines.descriptor import Variant
from airunner.errors import MissingWeightsError
from airunner.models.memory.language import MemoryEstimate
from airunner.models.spec import ModelSpec

PROCESS_BYTES = 100_000_000
WORD_BYTES = 64


def read_voice(path: Path, context: int) -> Voice:
    if not path.is_file():
        raise MissingWeightsError(path.name, [path])
    return Voice(path, path.stat().st_size, context)


@dataclass(frozen=True)
class Voice:
    path: Path
    n_bytes: int
    context: int
    kv_bytes_per_token: int = WORD_BYTES
    rolls_back: bool = True

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def plan(
        self, spec: ModelSpec, device: Device, budget_bytes: int
    ) -> tuple[Plan, MemoryEstimate]:
        n_ctx = min(self.context, spec.max_context)
        plan = LoadPlan(spec.model_path, self.path, n_ctx=n_ctx, device=device.id)
        kv_bytes = n_ctx * WORD_BYTES
        return plan, MemoryEstimate(self.n_bytes, kv_bytes, 0, PROCESS_BYTES, exact=True)

    def variants(
        self, spec: ModelSpec, device: Device, plan: Plan, estimate: MemoryEstimate
    ) -> Sequence[Variant]:
        return [Variant("a voice", {}, estimate, chosen=True)]
