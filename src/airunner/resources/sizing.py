"""From a model's specification to bytes: what loading it would take on each device.

Reads the metadata of the weights (cached until they change). For a language
model it chooses the context: what the user asked for, lowered to what the model
was made for and to what the device's budget can hold at all. How an image model
is loaded is chosen in ``image_sizing``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from airunner.devices.device import Device
from airunner.engines.base import KvType, LoadPlan, Plan
from airunner.errors import LoadError
from airunner.models.files.gguf import GgufFile, read_gguf
from airunner.models.files.pipeline import Pipeline, read_pipeline
from airunner.models.memory.language import (
    MemoryEstimate,
    estimate_memory,
    kv_bytes_per_token,
    largest_context,
    maps_weights,
)
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.resources.image_sizing import ImageWishes, plan_image
from airunner.scheduling.inputs import Demand

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
SMALLEST_CONTEXT = 1024
"""Below this many tokens a conversation with a tool call has no room; such a load is refused."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user wants of every load: context per conversation, slots, KV type; images."""

    context: int
    parallel: int
    kv_type: KvType
    image: ImageWishes = field(default_factory=ImageWishes)


@dataclass(frozen=True, slots=True)
class Sized:
    """A model ready to be scheduled: one plan and one estimate per device it could go to.

    ``files`` are its weights, in the order in which a load reads them. ``rolls_back``:
    see ``GgufFile``.
    """

    key: str
    spec: ModelSpec
    plans: Mapping[str, Plan]
    estimates: Mapping[str, MemoryEstimate]
    kv_bytes_per_token: int
    files: tuple[Path, ...] = ()
    rolls_back: bool = False

    @property
    def demand(self) -> Demand:
        """What the scheduler needs to know of it."""
        return Demand(self.key, {d: e.total_bytes for d, e in self.estimates.items()})


class Sizer:
    """Sizes models for one set of devices.

    A load is identified by its file or folder: two registry entries with the same
    weights are one load, named after the entry that was sized first.
    """

    def __init__(self, devices: Sequence[Device], wishes: Wishes) -> None:
        self._devices = tuple(devices)
        self._wishes = wishes
        self._files: dict[Path, tuple[_Stamp, GgufFile | Pipeline]] = {}
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
            LoadError: its engine can compute on none of the devices.
        """
        file = self._read(spec, path)
        plans: dict[str, Plan] = {}
        estimates: dict[str, MemoryEstimate] = {}
        for device in self._devices:
            if device.id not in budgets or not device.computes(spec.engine):
                continue
            budget_bytes = budgets[device.id]
            if isinstance(file, Pipeline):
                plan, estimate = plan_image(file, spec, device, budget_bytes, self._wishes.image)
                plans[device.id], estimates[device.id] = plan, estimate
            else:
                plans[device.id], estimates[device.id] = self._plan(
                    spec, file, device, budget_bytes
                )
        unable = [d.id for d in self._devices if not d.computes(spec.engine)]
        if unable and not plans:
            problem = f"its engine cannot compute on {', '.join(unable)}; see `airunner doctor`"
            raise LoadError(spec.model_path, problem)
        key = self._keys.setdefault(path.resolve(), spec.model_path)
        per_token_bytes = self._kv_bytes_per_token(file)
        rolls_back = isinstance(file, GgufFile) and file.rolls_back
        sized = Sized(key, spec, plans, estimates, per_token_bytes, _files(file), rolls_back)
        self._known[path] = (_question(spec, path, budgets), sized)
        return sized

    def _kv_bytes_per_token(self, file: GgufFile | Pipeline) -> int:
        if isinstance(file, Pipeline):
            return 0
        kv_type = self._wishes.kv_type
        return kv_bytes_per_token(file, kv_type_k=kv_type, kv_type_v=kv_type)

    def _plan(
        self, spec: ModelSpec, file: GgufFile, device: Device, budget_bytes: int
    ) -> tuple[LoadPlan, MemoryEstimate]:
        wanted = min(self._wishes.context, spec.yarn_context or spec.max_context)
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

    def _read(self, spec: ModelSpec, path: Path) -> GgufFile | Pipeline:
        known = self._files.get(path)
        stamp = _stamp(path)
        if known is None or known[0] != stamp:
            known = (stamp, read_pipeline(path) if spec.engine == "diffusers" else read_gguf(path))
            self._files[path] = known
        return known[1]


def _files(file: GgufFile | Pipeline) -> tuple[Path, ...]:
    if isinstance(file, Pipeline):
        return tuple(weights for part in file.parts.values() for weights in part.files)
    return file.parts


_Stamp = tuple[tuple[str, int, int], ...]
_Question = tuple[_Stamp, str, tuple[tuple[str, int], ...]]


def _question(spec: ModelSpec, path: Path, budgets: Mapping[str, int]) -> _Question:
    """Everything that an answer depends on. A spec can be edited in place, hence its text."""
    return _stamp(path), repr(spec), tuple(budgets.items())


def _stamp(path: Path) -> _Stamp:
    """Changes when the file does, or any file in the folder and its own folders."""
    found: list[tuple[str, int, int]] = []
    try:
        if path.is_dir():
            for entry in sorted(path.glob("*")) + sorted(path.glob("*/*")):
                stat = entry.stat()
                found.append((str(entry), stat.st_mtime_ns, stat.st_size))
        else:
            stat = path.stat()
            found.append(("", stat.st_mtime_ns, stat.st_size))
    except OSError:
        return ()
    return tuple(found)
