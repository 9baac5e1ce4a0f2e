from __future__ import annotations

import pytest

from airunner.devices.device import Device
from airunner.devices.layout import apply_layout
from airunner.errors import DeviceNotFoundError

GB = 10**9
CPU = Device("cpu", "cpu", "Ten Core", 16 * GB, 10 * GB)
GPU = Device("cuda:0", "cuda", "RTX", 8 * GB, 6 * GB, gpu_index=0)


def test_no_layout_leaves_the_machine_as_it_is() -> None:
    assert apply_layout([GPU, CPU], ()).devices == (GPU, CPU)


def test_ram_is_split_into_parts_in_the_order_given() -> None:
    report = apply_layout([CPU], [("cpu:1", 400), ("cpu:0", 600)])
    first, second = report.devices
    assert (first.id, first.kind, first.logical, first.name) == ("cpu:1", "cpu", True, "Ten Core")
    assert (first.total_bytes, first.free_bytes, first.budget_bytes) == (400, 400, 400)
    assert (second.id, second.total_bytes) == ("cpu:0", 600)
    assert report.notes == ()


def test_ram_stands_in_for_a_gpu_that_is_not_there_and_says_so() -> None:
    (device,) = apply_layout([CPU], [("cuda:0", 400)]).devices
    assert (device.id, device.kind, device.gpu_index, device.logical) == (
        "cuda:0",
        "cpu",
        None,
        True,
    )
    assert "RAM stands in for cuda:0" in device.note


def test_a_gpu_that_is_there_gets_its_budget_and_unlisted_devices_are_not_used() -> None:
    (device,) = apply_layout([GPU, CPU], [("cuda:0", 3 * GB)]).devices
    assert (device.kind, device.logical, device.gpu_index) == ("cuda", False, 0)
    assert (device.total_bytes, device.budget_bytes) == (8 * GB, 3 * GB)


def test_the_whole_cpu_can_have_a_budget_without_becoming_a_part() -> None:
    gpu, cpu = apply_layout([GPU, CPU], [("cuda:0", None), ("cpu", 2 * GB)]).devices
    assert gpu == GPU
    assert (cpu.logical, cpu.total_bytes, cpu.budget_bytes) == (False, 16 * GB, 2 * GB)


def test_parts_without_a_budget_share_what_the_others_leave() -> None:
    layout = [("cuda:0", 4 * GB), ("cpu", None), ("cpu:1", None)]
    stand_in, cpu, other = apply_layout([CPU], layout).devices
    assert stand_in.total_bytes == 4 * GB
    assert (cpu.total_bytes, cpu.free_bytes, cpu.logical) == (6 * GB, 3 * GB, True)
    assert (other.total_bytes, other.free_bytes, other.budget_bytes) == (6 * GB, 3 * GB, None)


def test_more_than_is_free_is_a_note_and_never_more_than_there_is() -> None:
    report = apply_layout([CPU], [("cpu:0", 20 * GB), ("cpu:1", None)])
    assert [(d.total_bytes, d.free_bytes) for d in report.devices] == [(16 * GB, 10 * GB), (0, 0)]
    assert "20.0 GB" in report.notes[0]
    assert "10.0 GB is free" in report.notes[0]


def test_unknown_ram_stays_unknown() -> None:
    unknown = Device("cpu", "cpu", "CPU", None, None)
    given, shared = apply_layout([unknown], [("cpu:0", 600), ("cpu:1", None)]).devices
    assert given.total_bytes == 600
    assert (shared.total_bytes, shared.free_bytes) == (None, None)


def test_devices_are_found_by_id() -> None:
    report = apply_layout([GPU, CPU], ())
    assert report.find("cuda:0") is GPU
    with pytest.raises(DeviceNotFoundError, match="cuda:0, cpu"):
        report.find("cuda:1")
