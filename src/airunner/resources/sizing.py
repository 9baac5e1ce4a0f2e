"""From a model's specification to bytes: what loading it would take on each device.

Reads the weights file's metadata (cached until the file changes) and chooses
the context: what the user asked for, lowered to what the model was made for and
to what the device's budget can hold at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from airunner.devices.device import Device
from airunner.engines.base import KvType, LoadPlan
from airunner.models.gguf import GgufFile, read_gguf
from airunner.models.memory import (
    MemoryEstimate,
    estimate_memory,
    kv_bytes_per_token,
    largest_context,
    maps_weights,
)
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.resources.inputs import Demand

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
SMALLEST_CONTEXT = 1024
"""Below this many tokens a conversation with a tool call has no room; such a load is refused."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user wants of every load: context per conversation, slots, KV type."""

    context: int
    parallel: int
    kv_type: KvType


@dataclass(frozen=True, slots=True)
class Sized:
    """A model ready to be scheduled: one plan and one estimate per device it could go to."""

    key: str
    spec: ModelSpec
    plans: Mapping[str, LoadPlan]
    estimates: Mapping[str, MemoryEstimate]
    kv_bytes_per_token: int

    @property
    def demand(self) -> Demand:
        """What the scheduler needs to know of it."""
        return Demand(self.key, {d: e.total_bytes for d, e in self.estimates.items()})


class Sizer:
    """Sizes models for one set of devices.

    A load is identified by its file: two registry entries with the same
    weights are one load, named after the entry that was sized first.
    """

    def __init__(self, devices: Sequence[Device], wishes: Wishes) -> None:
        self._devices = tuple(devices)
        self._wishes = wishes
        self._files: dict[Path, tuple[tuple[int, int], GgufFile]] = {}
        self._keys: dict[Path, str] = {}
        self._known: dict[Path, tuple[_Question, Sized]] = {}

    def recall(self, spec: ModelSpec, path: Path, budgets: Mapping[str, int]) -> Sized | None:
        """The last answer of ``size``, if nothing it depends on has changed; opens no file."""
        known = self._known.get(path)
        if known is None or known[0] != _question(spec, path, budgets):
            return None
        return known[1]

    def size(self, spec: ModelSpec, path: Path, budgets: Mapping[str, int]) -> Sized:
        """Plans and estimates for ``spec`` with its weights at ``path``.

        ``budgets`` is bytes per device; a device missing there is unknown and not used.

        Raises:
            MissingWeightsError, CorruptWeightsError, UnsupportedArchitectureError:
                about the file.
        """
        file = self._read(path)
        longest = spec.yarn_context or spec.max_context
        wanted = min(self._wishes.context, longest)
        plans: dict[str, LoadPlan] = {}
        estimates: dict[str, MemoryEstimate] = {}
        for device in self._devices:
            if device.id not in budgets:
                continue
            plan, estimate = self._plan(spec, file, device, wanted, budgets[device.id])
            plans[device.id], estimates[device.id] = plan, estimate
        real = path.resolve()
        key = self._keys.setdefault(real, spec.model_path)
        kv_type = self._wishes.kv_type
        per_token = kv_bytes_per_token(file, kv_type_k=kv_type, kv_type_v=kv_type)
        sized = Sized(key, spec, plans, estimates, per_token)
        self._known[path] = (_question(spec, path, budgets), sized)
        return sized

    def _plan(
        self, spec: ModelSpec, file: GgufFile, device: Device, wanted: int, budget_bytes: int
    ) -> tuple[LoadPlan, MemoryEstimate]:
        kv_type, n_parallel = self._wishes.kv_type, self._wishes.parallel
        on_gpu = device.is_accelerator
        embedding = spec.capabilities == [ModelCapability.EMBEDDING]
        shape = LoadPlan(model=spec.model_path, path=file.path)
        guided = spec.dialect == "guided" and PRIMARY in spec.capabilities
        # An input is embedded in one piece, so that batch is the physical one too.
        n_ubatch = shape.n_batch if embedding else shape.n_ubatch
        n_ctx = largest_context(
            file,
            budget_bytes,
            n_parallel=n_parallel,
            n_ubatch=n_ubatch,
            kv_type_k=kv_type,
            kv_type_v=kv_type,
            on_gpu=on_gpu,
            guided=guided,
            cap=wanted,
        )
        n_ctx = max(n_ctx or 0, min(wanted, SMALLEST_CONTEXT))
        plan = LoadPlan(
            model=spec.model_path,
            path=file.path,
            n_ctx=n_ctx,
            n_parallel=n_parallel,
            kv_type_k=kv_type,
            kv_type_v=kv_type,
            device=device.id,
            gpu_index=device.gpu_index if on_gpu else None,
            embedding=embedding,
            chat_template=spec.chat_template,
            mapped=on_gpu or maps_weights(file),
            yarn_context=spec.max_context if n_ctx > spec.max_context else None,
        )
        estimate = estimate_memory(
            file,
            n_ctx=n_ctx,
            n_parallel=n_parallel,
            n_ubatch=n_ubatch,
            kv_type_k=kv_type,
            kv_type_v=kv_type,
            on_gpu=on_gpu,
            guided=guided,
        )
        return plan, estimate

    def _read(self, path: Path) -> GgufFile:
        known = self._files.get(path)
        stamp = _stamp(path)
        if known is None or known[0] != stamp:
            known = (stamp, read_gguf(path))
            self._files[path] = known
        return known[1]


_Question = tuple[tuple[int, int], str, tuple[tuple[str, int], ...]]


def _question(spec: ModelSpec, path: Path, budgets: Mapping[str, int]) -> _Question:
    """Everything that an answer depends on. A spec can be edited in place, hence its text."""
    return _stamp(path), repr(spec), tuple(budgets.items())


def _stamp(path: Path) -> tuple[int, int]:
    """Changes when the file does."""
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return stat.st_mtime_ns, stat.st_size
