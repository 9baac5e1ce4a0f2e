"""Looking at the machine: every probe in turn, then the user's own layout.

Owns the order of preference and what is left out. Probing again is how free
memory is measured anew; it takes milliseconds and loads no model library.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from airunner.devices.cpu import probe_cpu
from airunner.devices.cuda import probe_cuda
from airunner.devices.device import Device, DeviceKind, DeviceReport
from airunner.devices.layout import apply_layout
from airunner.devices.metal import probe_metal
from airunner.devices.rocm import probe_rocm
from airunner.settings import Settings

Probe = Callable[[], DeviceReport]


def probe_devices(
    settings: Settings,
    backends: Collection[DeviceKind] | None = None,
    probes: Sequence[Probe] | None = None,
) -> DeviceReport:
    """The devices to use, best first: accelerators, then the CPU; or as ``settings.devices`` says.

    ``backends`` are the kinds of accelerator that the engine was built for; GPUs
    of other kinds are left out with a note. With ``None`` that is not known yet,
    and they stay in with a note. On a Mac the CPU is left out, since RAM would
    otherwise be counted twice.
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
    return DeviceReport(layout.devices, (*notes, *remarks, *layout.notes))


def _computable(
    found: Sequence[Device], backends: Collection[DeviceKind] | None
) -> tuple[list[Device], list[str]]:
    kept: list[Device] = []
    notes: list[str] = []
    for device in found:
        if device.is_accelerator and backends is None:
            notes.append(
                f"{device.id} ({device.name}) can be used only by an engine built for "
                f"{device.kind}; the one on the package index may be built for the CPU alone."
            )
        if backends is None or not device.is_accelerator or device.kind in backends:
            kept.append(device)
        else:
            notes.append(
                f"{device.id} ({device.name}) is not used: the engine was not built for "
                f"{device.kind}. Install such a build of xllamacpp, or name your own "
                "llama-server with --llama-server."
            )
    return kept, notes


def _shares_ram(found: Sequence[Device]) -> bool:
    return any(device.kind == "metal" for device in found)
