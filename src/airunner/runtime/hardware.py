"""This machine as the scheduler needs it: devices, their budgets now, and what came back.

Owns the translation from probes and settings to bytes; the arithmetic itself is
in ``airunner.devices.budget``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from airunner.config.byte_size import format_bytes
from airunner.config.settings import Settings
from airunner.devices.budget import (
    budget_bytes,
    budgets,
    default_reserve_bytes,
    planned_bytes,
    preferred,
)
from airunner.devices.cpu import cpu_threads, probe_cpu
from airunner.devices.device import Device, DeviceReport
from airunner.devices.probe import probe_devices
from airunner.devices.process_memory import device_bytes_of_process, memory_of_process
from airunner.engines.registry import EngineRegistry
from airunner.resources.status import Status
from airunner.scheduling.ledger import DeviceBudget

NOTICEABLE = 0.02
"""Budgets that follow free memory are updated when they changed by this share."""

_SHARE_RAM = ("cpu", "metal")
"""Kinds of devices whose memory is the host's."""

_log = logging.getLogger(__name__)


class Hardware:
    """Devices and budgets for one runtime, on which ``engines`` compute."""

    def __init__(self, settings: Settings, engines: EngineRegistry) -> None:
        self._settings, self._engines = settings, engines
        self.report = self._probe()
        known = budgets(self.report.devices, settings.max_memory, settings.reserve)
        self._budgets = {d: b for d, b in known.items() if b is not None}
        for device in self.report.devices:
            if device.logical and device.kind != device.id.partition(":")[0]:
                _log.warning("there is no %s here: RAM is used in its place", device.id)
            if device.id not in self._budgets:
                _log.warning("%s is not used: its memory is unknown; set --max-memory", device.id)

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices that may be used, best first."""
        return tuple(d for d in self.report.devices if d.id in self._budgets)

    @property
    def n_threads(self) -> int:
        """CPU threads for all engines together."""
        return self._settings.threads or cpu_threads()

    def device_budgets(self) -> list[DeviceBudget]:
        """What the scheduler starts from. Accelerators are preferred to the CPU."""
        accelerated = any(d.is_accelerator for d in self.devices)
        return [
            DeviceBudget(d.id, self._budgets[d.id], int(accelerated and not d.is_accelerator))
            for d in self.devices
        ]

    def device_for(self, engines: Iterable[str]) -> Device | None:
        """The best device that all of ``engines`` can compute on; ``None`` if there is none."""
        wanted = tuple(engines)
        able = (d for d in self.devices if all(d.computes(engine) for engine in wanted))
        return next(able, None)

    def has_accelerator(self, engine: str) -> bool:
        """Whether ``engine`` computes on something else than the CPU."""
        return any(d.is_accelerator and d.computes(engine) for d in self.devices)

    def planned_budget(self, engine: str) -> int:
        """Bytes of the device a team is planned for; 0 if models of ``engine`` fit nowhere.

        That is the roomiest accelerator that ``engine`` computes on. RAM is planned for
        where there is none: it is often larger, and most models that need all of it are
        too slow there. What others take of it this minute does not count.
        """
        return max((self._planned_bytes(d) for d in self._best_for(engine)), default=0)

    def assumed(self, engine: str) -> str:
        """How ``planned_budget`` came about: ``25.3 GB of RAM, less 6.32 GB for other programs``.

        Empty where the settings say what may be used.
        """
        device = max(self._best_for(engine), key=self._planned_bytes, default=None)
        if device is None or device.total_bytes is None or not self._follows_free_memory(device):
            return ""
        kept_bytes = device.total_bytes - self._planned_bytes(device)
        whose = f"of {device.id}" if device.is_accelerator else "of RAM"
        less = f", less {format_bytes(kept_bytes)} for other programs" if kept_bytes else ""
        return f"{format_bytes(device.total_bytes)} {whose}{less}"

    def free_needed(self, engine: str, size_bytes: int) -> int | None:
        """Bytes that other programs have to leave free for a model; ``None`` if they do now."""
        best = self._best_for(engine)
        if not best or any(size_bytes <= self._budgets[d.id] for d in best):
            return None
        device = max(best, key=self._planned_bytes)
        if not self._follows_free_memory(device):
            return None
        reserve = self._settings.reserve
        return size_bytes + (default_reserve_bytes(device) if reserve is None else reserve)

    def measure_budgets(self, worker_pids: Mapping[str, Iterable[int]]) -> Mapping[str, int]:
        """The budgets now, for devices whose budget follows what is free.

        What our own workers hold is counted as free: on a GPU all of it, in RAM
        what is not backed by a file, because the system counts mapped weights
        as available anyway.
        """
        following = [d for d in self.devices if self._follows_free_memory(d)]
        if not following:
            return {}
        fresh = {d.id: d for d in self._probe().devices}
        for device in following:
            now = fresh.get(device.id)
            if now is None:
                continue
            held = sum(_reclaimable_bytes(pid, device) for pid in worker_pids.get(device.id, ()))
            budget = budget_bytes(now, None, self._settings.reserve, held)
            known = self._budgets[device.id]
            if budget is not None and abs(budget - known) > NOTICEABLE * known:
                self._budgets[device.id] = budget
        return {d.id: self._budgets[d.id] for d in following}

    def missing_bytes(self, device_id: str, pid: int) -> int:
        """Bytes that a worker which has ended still holds on a device."""
        device = self.report.find(device_id)
        return device_bytes_of_process(pid, device.kind) or 0

    def read_room(self, status: Status) -> int:
        """Bytes of file contents that RAM can take without pressing on anybody.

        What the system has available, less the reserve, less what models were
        charged in RAM and the system does not count as taken: weights mapped from
        files, which it would give away, and what a load has yet to take. Never
        more than 0 where that is unknown.
        """
        (ram,) = probe_cpu().devices
        in_ram = {d.id for d in self.devices if d.kind in _SHARE_RAM}
        promised = sum(
            max(0, model.held_bytes - _private_bytes(model.pid))
            for model in status.models
            if model.device in in_ram
        )
        reserve = self._settings.reserve
        kept = default_reserve_bytes(ram) if reserve is None else reserve
        return (ram.free_bytes or 0) - kept - promised

    def _best_for(self, engine: str) -> list[Device]:
        able = [d for d in self.devices if d.computes(engine)]
        return [d for d in able if d.is_accelerator] or able

    def _planned_bytes(self, device: Device) -> int:
        is_limited = device.id in preferred(self.report.devices)
        limit = self._settings.max_memory if is_limited else None
        return planned_bytes(device, limit, self._settings.reserve) or 0

    def _probe(self) -> DeviceReport:
        report = probe_devices(self._settings)
        if any(device.is_accelerator for device in report.devices):
            report = probe_devices(self._settings, self._engines.backends(self._settings))
        return report

    def _follows_free_memory(self, device: Device) -> bool:
        limited = self._settings.max_memory is not None
        own = device.budget_bytes is not None or device.logical
        return not own and not (limited and device.id in preferred(self.devices))


def _reclaimable_bytes(pid: int, device: Device) -> int:
    if device.is_accelerator:
        return device_bytes_of_process(pid, device.kind) or 0
    return _private_bytes(pid)


def _private_bytes(pid: int | None) -> int:
    """What a process holds that is not backed by a file, or all of it where that is not known."""
    memory = None if pid is None else memory_of_process(pid)
    if memory is None:
        return 0
    return memory.rss_bytes if memory.private_bytes is None else memory.private_bytes
