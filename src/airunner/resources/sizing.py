"""From a model's specification to bytes: what loading it would take on each device.

Owns which devices are asked about, what a load is called and what is remembered until
the weights change. What to read of them and how to load them is each engine's planner's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR

from airunner.devices.device import Device
from airunner.engines.base import LoadPlan, Plan
from airunner.engines.descriptor import Plannable, Planner, Variant
from airunner.errors import LoadError
from airunner.messages import MediaKind
from airunner.models.memory.language import MemoryEstimate
from airunner.models.spec import ModelSpec
from airunner.scheduling.inputs import Demand


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
    def media(self) -> frozenset[MediaKind]:
        """What the model takes beside text, as it would be loaded."""
        plans = [plan for plan in self.plans.values() if isinstance(plan, LoadPlan)]
        return frozenset(kind for plan in plans for kind in plan.media)

    @property
    def demand(self) -> Demand:
        """What the scheduler needs to know of it."""
        return Demand(self.key, {d: e.total_bytes for d, e in self.estimates.items()})


class Sizer:
    """Sizes models for one set of devices.

    A load is identified by its engine and its file or folder: two registry entries with
    the same weights are one load, named after the entry that was sized first.
    ``planners`` are the engines' by name.
    """

    def __init__(self, devices: Sequence[Device], planners: Mapping[str, Planner]) -> None:
        self._devices = tuple(devices)
        self._planners = planners
        self._files: dict[tuple[str, Path], tuple[_Stamp, Plannable]] = {}
        self._keys: dict[tuple[str, Path], str] = {}
        self._known: dict[tuple[str, Path], _Known] = {}

    def recall(self, spec: ModelSpec, path: Path, budgets: Mapping[str, int]) -> Sized | None:
        """The last answer of ``size``, if nothing it depends on has changed; opens no file."""
        known = self._known.get((spec.engine, path))
        is_so = known and known.spec == spec and known.budgets == budgets
        return known.sized if known and is_so and known.stamp == _stamp(path) else None

    def size(self, spec: ModelSpec, path: Path, budgets: Mapping[str, int]) -> Sized:
        """Plans and estimates for ``spec`` with its weights at ``path``, its engine being known.

        ``budgets`` is bytes per device; a device missing there is unknown and not used.

        Raises:
            MissingWeightsError, CorruptWeightsError, UnsupportedArchitectureError:
                about the file.
            LoadError: its engine can compute on none of the devices.
        """
        if (known := self.recall(spec, path, budgets)) is not None:
            return known
        stamp = _stamp(path)
        file = self._read(spec, path, stamp)
        plans: dict[str, Plan] = {}
        estimates: dict[str, MemoryEstimate] = {}
        for device in self._devices:
            if device.id not in budgets or not device.computes(spec.engine):
                continue
            plan, estimate = file.plan(spec, device, budgets[device.id])
            plans[device.id], estimates[device.id] = plan, estimate
        unable = [d.id for d in self._devices if not d.computes(spec.engine)]
        if unable and not plans:
            problem = f"its engine cannot compute on {', '.join(unable)}; see `airunner doctor`"
            raise LoadError(spec.model_path, problem)
        sized = Sized(
            key=self._keys.setdefault((spec.engine, path.resolve()), spec.model_path),
            spec=spec,
            plans=plans,
            estimates=estimates,
            kv_bytes_per_token=file.kv_bytes_per_token,
            files=(*file.files, *_projectors(plans.values())),
            rolls_back=file.rolls_back,
        )
        # A spec can be edited in place.
        self._known[spec.engine, path] = _Known(deepcopy(spec), dict(budgets), stamp, sized)
        return sized

    def variants(self, sized: Sized, path: Path) -> Mapping[str, Sequence[Variant]]:
        """Ways to load a model on each device that it could go to; see ``Plannable``."""
        file, spec = self._read(sized.spec, path, _stamp(path)), sized.spec
        return {
            d.id: file.variants(spec, d, sized.plans[d.id], sized.estimates[d.id])
            for d in self._devices
            if d.id in sized.plans
        }

    def _read(self, spec: ModelSpec, path: Path, stamp: _Stamp) -> Plannable:
        known = self._files.get((spec.engine, path))
        if known is None or known[0] != stamp:
            known = (stamp, self._planners[spec.engine](path))
            self._files[spec.engine, path] = known
        return known[1]


def _projectors(plans: Iterable[Plan]) -> set[Path]:
    return {p.mmproj for p in plans if isinstance(p, LoadPlan) and p.mmproj is not None}


_Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """An answer, and everything that it depends on."""

    spec: ModelSpec
    budgets: Mapping[str, int]
    stamp: _Stamp
    sized: Sized


def _stamp(path: Path) -> _Stamp:
    """Changes when the file does, or any file in the folder and its own folders."""
    try:
        own = path.stat()
        within = [*path.glob("*"), *path.glob("*/*")] if S_ISDIR(own.st_mode) else []
        stats = [(path, own), *((entry, entry.stat()) for entry in sorted(within))]
    except OSError:
        return ()
    return tuple((str(entry), stat.st_mtime_ns, stat.st_size) for entry, stat in stats)
