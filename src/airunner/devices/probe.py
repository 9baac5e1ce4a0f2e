"""Looking at the machine: every probe in turn, then the user's own layout.

Owns the order of preference and what is left out. Probing again is how free
memory is measured anew; it takes milliseconds and loads no model library.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from airunner.config.settings import Settings
from airunner.devices.cpu import probe_cpu
from airunner.devices.cuda import probe_cuda
from airunner.devices.device import LANGUAGE_ENGINE, Device, DeviceKind, DeviceReport
from airunner.devices.layout import apply_layout
from airunner.devices.metal import probe_metal
from airunner.devices.rocm import probe_rocm

Probe = Callable[[], DeviceReport]


def probe_devices(
    settings: Settings,
    backends: Mapping[str, Collection[DeviceKind]] | None = None,
    probes: Sequence[Probe] | None = None,
) -> DeviceReport:
    """The devices to use, best first: accelerators, then the CPU; or as ``settings.devices`` says.

    ``backends`` are the kinds of accelerator that each engine was built for. A GPU
    of a kind that none can use is left out with a note, one that only some can use
    says which (``Device.engines``). With ``None`` that is not known yet, and all stay
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
    if not any(device.computes(LANGUAGE_ENGINE) for device in layout.devices):
        talking = [device for device in usable if device.computes(LANGUAGE_ENGINE)]
        layout = apply_layout(talking, settings.devices)
    return DeviceReport(layout.devices, (*notes, *remarks, *layout.notes))


def _computable(
    found: Sequence[Device], backends: Mapping[str, Collection[DeviceKind]] | None
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
        engines = frozenset(name for name, kinds in backends.items() if device.kind in kinds)
        talks = LANGUAGE_ENGINE in engines
        if engines == set(backends):
            kept.append(device)
        elif talks:
            kept.append(replace(device, engines=engines))
            notes.append(
                f"{named} draws no pictures: PyTorch was not built for {device.kind}. "
                "Install such a build of torch."
            )
        else:
            for_pictures = engines and not _shares_ram([device])
            if for_pictures:
                remark = device.note or "for pictures only"
                kept.append(replace(device, engines=engines, note=remark))
            notes.append(
                f"{named} is {'used for pictures only' if for_pictures else 'not used'}: "
                f"the engine was not built for {device.kind}. Install such a build of "
                "xllamacpp, or name your own llama-server with --llama-server."
            )
    return kept, notes


def _shares_ram(found: Sequence[Device]) -> bool:
    return any(device.kind == "metal" for device in found)
