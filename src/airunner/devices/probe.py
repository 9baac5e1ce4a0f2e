"""Looking at the machine: every probe in turn, then the user's own layout.

Owns the order of preference and what is left out. Probing again is how free
memory is measured anew; it takes milliseconds and loads no model library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from airunner.config.settings import Settings
from airunner.devices.backend import Backend
from airunner.devices.cpu import probe_cpu
from airunner.devices.cuda import probe_cuda
from airunner.devices.device import Device, DeviceReport
from airunner.devices.layout import apply_layout
from airunner.devices.metal import probe_metal
from airunner.devices.rocm import probe_rocm
from airunner.devices.vulkan import probe_vulkan

Probe = Callable[[], DeviceReport]


def probe_devices(
    settings: Settings,
    backends: Mapping[str, Backend] | None = None,
    probes: Sequence[Probe] | None = None,
) -> DeviceReport:
    """The devices to use, best first: accelerators, then the CPU; or as ``settings.devices`` says.

    ``backends`` are what each installed engine was built for. A GPU of a kind that none
    can use is left out with a note, one that only some can use says which
    (``Device.engines``). With ``None`` that is not known yet, and all stay
    in with a note. On a Mac the CPU is left out, since RAM would otherwise be counted
    twice; a GPU there is used by all or none.

    Where the user lists only devices that cannot compute language models, RAM stands
    in for them, as for those that are not there.
    """
    if probes is None:
        probes = (
            partial(probe_cuda, visible=settings.visible_gpus),
            probe_rocm,
            probe_metal,
            probe_vulkan,
            probe_cpu,
        )
    reports = [probe() for probe in probes]
    notes = [note for report in reports for note in report.notes]
    found = [device for report in reports for device in report.devices]
    found, remarks = _computable(found, backends)
    found.sort(key=lambda device: not device.is_accelerator)
    listed = {device_id for device_id, _ in settings.devices}
    usable = [d for d in found if d.is_accelerator or not _shares_ram(found) or listed]
    layout = apply_layout(usable, settings.devices)
    if not any(device.talks for device in layout.devices):
        talking = [device for device in usable if device.talks]
        layout = apply_layout(talking, settings.devices)
    return DeviceReport(layout.devices, (*notes, *remarks, *layout.notes))


def _computable(
    found: Sequence[Device], backends: Mapping[str, Backend] | None
) -> tuple[list[Device], list[str]]:
    kept: list[Device] = []
    notes: list[str] = []
    for device in found:
        named = f"{device.id} ({device.name})"
        if not device.is_accelerator:
            kept.append(device)
            continue
        if backends is None:
            notes.append(
                f"{named} can be used only by an engine built for "
                f"{device.kind}; the one on the package index may be built for the CPU alone."
            )
            kept.append(device)
            continue
        able = {name: b for name, b in backends.items() if b.computes_on(device.kind)}
        lacking = [b for name, b in backends.items() if name not in able]
        engines = frozenset(able) if lacking else None
        if device.total_bytes is None:
            device = _measured(device, able.values())
        if not lacking or any(b.talks for b in able.values()):
            kept.append(replace(device, engines=engines))
            notes += [f"{named} is not used for {b.work}: {b.lacks(device.kind)}" for b in lacking]
            continue
        # RAM that is shared with a GPU that does not talk would be counted twice.
        used = able and not _shares_ram([device])
        work = " and ".join(b.work for b in able.values())
        if used:
            remark = device.note or f"for {work} only"
            kept.append(replace(device, engines=engines, note=remark, talks=False))
        missing = " ".join(b.lacks(device.kind) for b in lacking if b.talks or not able)
        notes.append(f"{named} is {f'used for {work} only' if used else 'not used'}: {missing}")
    return kept, notes


def _measured(device: Device, able: Iterable[Backend]) -> Device:
    """The device with the memory that an engine's library reports of it, if any does."""
    index = device.gpu_index or 0
    known = next((b.memory[index] for b in able if index < len(b.memory)), None)
    if known is None:
        return device
    return replace(device, total_bytes=known[0], free_bytes=known[1])


def _shares_ram(found: Sequence[Device]) -> bool:
    return any(device.kind == "metal" for device in found)
