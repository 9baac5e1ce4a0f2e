"""The user's own list of devices, applied to those that were found.

Owns the splitting of RAM into logical devices. That is how several devices are
tried out on one: each part has a budget of its own, and a part may carry the id
of a GPU this machine does not have. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from airunner.config.byte_size import format_bytes
from airunner.devices.device import Device, DeviceReport

Layout = Sequence[tuple[str, int | None]]


def apply_layout(found: Sequence[Device], layout: Layout) -> DeviceReport:
    """The devices of ``layout``, in its order; an empty layout leaves ``found`` as it is.

    A GPU that was found is used with the given budget. Every other id is a part
    of RAM: of its budget's size, or an equal share of what the budgets leave
    over. Devices that are not listed are not used.
    """
    if not layout:
        return DeviceReport(tuple(found))
    real = {device.id: device for device in found}
    gpus = {device.id for device in found if device.is_accelerator}
    ram = next((device for device in found if not device.is_accelerator), None)
    in_ram = [entry for entry in layout if entry[0] not in gpus]
    if ram is not None and [device_id for device_id, _ in in_ram] == [ram.id]:
        in_ram = []  # all of RAM, under its own name, is no part
    chosen = {
        device_id: replace(real[device_id], budget_bytes=budget)
        for device_id, budget in layout
        if device_id in real
    } | {part.id: part for part in _split(ram, in_ram)}
    return DeviceReport(
        tuple(chosen[device_id] for device_id, _ in layout), _overcommitment(ram, chosen)
    )


def _split(ram: Device | None, entries: Layout) -> list[Device]:
    declared = sum(budget or 0 for _, budget in entries)
    sharers = sum(budget is None for _, budget in entries)
    total, free = (None, None) if ram is None else (ram.total_bytes, ram.free_bytes)

    def part(device_id: str, budget: int | None) -> Device:
        shared = budget is None
        is_cpu = device_id.partition(":")[0] == "cpu"
        return Device(
            device_id,
            "cpu",
            "CPU" if ram is None else ram.name,
            _share(total, declared, sharers) if shared else _least(total, budget),
            _share(free, declared, sharers) if shared else _least(free, budget),
            logical=True,
            note="a part of RAM" if is_cpu else f"RAM stands in for {device_id}",
            budget_bytes=budget,
        )

    return [part(device_id, budget) for device_id, budget in entries]


def _least(known: int | None, budget: int | None) -> int | None:
    return min((n_bytes for n_bytes in (known, budget) if n_bytes is not None), default=None)


def _share(known: int | None, declared: int, sharers: int) -> int | None:
    return None if known is None else max(0, known - declared) // sharers


def _overcommitment(ram: Device | None, chosen: Mapping[str, Device]) -> tuple[str, ...]:
    wanted = sum(d.budget_bytes or 0 for d in chosen.values() if not d.is_accelerator)
    if ram is None or ram.free_bytes is None or wanted <= ram.free_bytes:
        return ()
    return (
        f"The budgets of the devices in RAM add up to {format_bytes(wanted)}, but only "
        f"{format_bytes(ram.free_bytes)} is free; loading may be refused or swap.",
    )
