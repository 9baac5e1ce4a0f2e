"""How much of each device may be used. Pure arithmetic.

Owns the one rule from settings to bytes; nothing here looks at the machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from airunner.config.byte_size import MIB
from airunner.devices.device import Device

LEAST_RESERVE_BYTES = 512 * MIB
"""The default reserve is a tenth of the device, but at least this much."""

LIVING_RAM_BYTES = 4_000_000_000
DESKTOP_VRAM_BYTES = 1_000_000_000


def default_reserve_bytes(device: Device) -> int:
    """Bytes left free for others on ``device`` when the user does not say."""
    return max(LEAST_RESERVE_BYTES, (device.total_bytes or 0) // 10)


def planned_reserve_bytes(device: Device) -> int:
    """Bytes of ``device`` that a plan leaves to other programs when the user does not say.

    Of RAM a quarter, but at least 4 GB, which a desktop and a browser take, and at most half.
    Of a GPU a tenth, but at least 1 GB, which a desktop takes.
    """
    total = device.total_bytes or 0
    if device.is_accelerator:
        return max(DESKTOP_VRAM_BYTES, total // 10)
    return max(min(LIVING_RAM_BYTES, total // 2), total // 4)


def planned_bytes(device: Device, max_memory: int | None, reserve: int | None) -> int | None:
    """Bytes of ``device`` that a team is planned for; ``None`` if that cannot be known.

    As :func:`budget_bytes`, but of all there is in place of what is free this minute, so that
    it is the same every time, less ``reserve`` (default: :func:`planned_reserve_bytes`).
    """
    total = device.total_bytes
    if device.budget_bytes is not None or max_memory is not None or total is None:
        return budget_bytes(device, max_memory, reserve)
    return max(0, total - (planned_reserve_bytes(device) if reserve is None else reserve))


def budget_bytes(
    device: Device, max_memory: int | None, reserve: int | None, held_bytes: int = 0
) -> int | None:
    """Bytes of ``device`` that models may hold together; ``None`` if that cannot be known.

    In this order, and never more than the device has:

    1. the budget declared for this device alone (``--devices cpu:0=600MB``);
    2. ``max_memory``;
    3. what is free, plus ``held_bytes`` that models already hold there, minus
       ``reserve`` (default: :func:`default_reserve_bytes`), never below 0.
    """
    chosen = device.budget_bytes if device.budget_bytes is not None else max_memory
    if chosen is None:
        if device.free_bytes is None:
            return None
        kept = default_reserve_bytes(device) if reserve is None else reserve
        chosen = max(0, device.free_bytes + held_bytes - kept)
    return chosen if device.total_bytes is None else min(chosen, device.total_bytes)


def budgets(
    devices: Sequence[Device], max_memory: int | None, reserve: int | None
) -> dict[str, int | None]:
    """The budget of every device by its id.

    ``max_memory`` means each of the :func:`preferred` devices. On a machine with a
    GPU it therefore limits the GPU's memory, and RAM keeps to the reserve.
    """
    limited = preferred(devices)
    return {
        device.id: budget_bytes(device, max_memory if device.id in limited else None, reserve)
        for device in devices
    }


def preferred(devices: Sequence[Device]) -> frozenset[str]:
    """Ids of the devices where models should go: the accelerators, and the CPU where no
    accelerator can compute language models.
    """
    talking = any(d.is_accelerator and d.talks for d in devices)
    return frozenset(d.id for d in devices if d.is_accelerator or not talking)
