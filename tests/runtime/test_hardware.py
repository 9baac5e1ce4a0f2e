"""Budgets of this machine, and how they follow what is free."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from airunner.config.settings import Settings
from airunner.devices.device import Device, DeviceReport
from airunner.engines.known import known_engines
from airunner.resources.status import ModelStatus, Status
from airunner.runtime import hardware as hardware_module
from airunner.runtime.hardware import Hardware

GB = 10**9


def settings(home: Path, **values: object) -> Settings:
    return Settings.load({"home": home, **values}, environ={})


def test_a_budget_of_ones_own_does_not_follow_free_memory(tmp_path: Path) -> None:
    hardware = Hardware(settings(tmp_path, max_memory="600MB"), known_engines())
    assert [b.budget_bytes for b in hardware.device_budgets()] == [600_000_000]
    assert hardware.measure_budgets({}) == {}


def test_a_gpu_that_only_draws_is_no_room_for_language_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = frozenset({"diffusers"})
    gpu = Device("cuda:0", "cuda", "RTX", 24 * GB, 24 * GB, gpu_index=0, engines=only, talks=False)
    cpu = Device("cpu", "cpu", "CPU", 8 * GB, 8 * GB)
    monkeypatch.setattr(hardware_module, "probe_devices", lambda *_: DeviceReport((gpu, cpu)))
    hardware = Hardware(settings(tmp_path, reserve="0"), known_engines())
    assert hardware.planned_budget("llama_cpp") == 8 * GB
    assert hardware.planned_budget("diffusers") == 24 * GB
    assert hardware.device_for({"llama_cpp", "diffusers"}) == cpu
    assert hardware.device_for({"diffusers"}) == gpu


def test_a_team_is_planned_for_the_gpu_and_not_for_more_ram(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = Device("cuda:0", "cuda", "RTX", 8 * GB, 8 * GB, gpu_index=0)
    cpu = Device("cpu", "cpu", "CPU", 64 * GB, 64 * GB)
    monkeypatch.setattr(hardware_module, "probe_devices", lambda *_: DeviceReport((gpu, cpu)))
    hardware = Hardware(settings(tmp_path, reserve="0"), known_engines())
    assert hardware.planned_budget("llama_cpp") == 8 * GB


def test_what_our_workers_hold_counts_as_free(tmp_path: Path) -> None:
    hardware = Hardware(settings(tmp_path), known_engines())
    without = hardware.measure_budgets({})
    # This process stands in for a hundred workers: its private memory is added each time.
    with_ours = hardware.measure_budgets({"cpu": [os.getpid()] * 100})
    assert with_ours["cpu"] > without["cpu"]


def test_logical_devices_have_the_budgets_they_were_given(tmp_path: Path) -> None:
    hardware = Hardware(settings(tmp_path, devices="cpu:0=300MB,cpu:1=200MB"), known_engines())
    budgets = {b.device: b.budget_bytes for b in hardware.device_budgets()}
    assert budgets == {"cpu:0": 300_000_000, "cpu:1": 200_000_000}
    assert hardware.measure_budgets({}) == {}


def test_an_ended_process_misses_nothing(tmp_path: Path) -> None:
    hardware = Hardware(settings(tmp_path), known_engines())
    with subprocess.Popen(["true"]) as child:
        child.wait()
    assert hardware.missing_bytes("cpu", child.pid) == 0
    assert hardware.missing_bytes("cpu", os.getpid()) > 0


def held(device: str, held_bytes: int, pid: int | None = None) -> Status:
    model = ModelStatus(
        model="m",
        state="loading",
        device=device,
        held_bytes=held_bytes,
        measured_bytes=None,
        parked_bytes=0,
        leases=0,
        pinned=False,
        pid=pid,
        n_ctx=None,
    )
    return Status((), (model,))


def test_files_may_fill_what_is_neither_reserved_nor_promised(tmp_path: Path) -> None:
    hardware = Hardware(settings(tmp_path, reserve="0"), known_engines())
    idle = Status((), ())
    assert hardware.read_room(idle) > 0
    assert Hardware(settings(tmp_path, reserve="1000TB"), known_engines()).read_room(idle) < 0
    # What a load has yet to take is spoken for; on a GPU it is no RAM.
    assert hardware.read_room(held("cpu", 1 << 50)) < 0
    assert hardware.read_room(held("cuda:0", 1 << 50)) > 0
    # What this process holds of its own, the system has counted already.
    assert hardware.read_room(held("cpu", 1, os.getpid())) > 0


def test_a_device_that_is_not_there_is_told_at_each_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = DeviceReport((Device("cpu:0", "cpu", "CPU", 8 * GB, 8 * GB),))
    monkeypatch.setattr("airunner.devices.probe.probe_cpu", lambda: cpu)
    nothing = {"visible_gpus": "", "reserve": "0"}
    Hardware(settings(tmp_path, devices="cpu:0=1GB,cpu:1=1GB", **nothing), known_engines())
    assert not caplog.messages, "parts of RAM are what was asked for"
    Hardware(settings(tmp_path, devices="metal,rocm:7=1GB", **nothing), known_engines())
    assert caplog.messages == [
        "there is no metal here: RAM is used in its place",
        "there is no rocm:7 here: RAM is used in its place",
    ]


def test_a_plan_for_a_gpu_leaves_what_a_desktop_takes_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = Device("cuda:0", "cuda", "RTX", 8 * GB, 3 * GB, gpu_index=0)
    cpu = Device("cpu", "cpu", "CPU", 64 * GB, 64 * GB)
    monkeypatch.setattr(hardware_module, "probe_devices", lambda *_: DeviceReport((gpu, cpu)))
    hardware = Hardware(settings(tmp_path), known_engines())
    assert hardware.planned_budget("llama_cpp") == 7 * GB
    assert hardware.assumed("llama_cpp") == "8.00 GB of cuda:0, less 1.00 GB for other programs"
    assert hardware.free_needed("llama_cpp", 2 * GB) is None
    assert hardware.free_needed("llama_cpp", 5 * GB) == 5 * GB + 8 * GB // 10
    stated = Hardware(settings(tmp_path, max_memory="6GB"), known_engines())
    assert (stated.planned_budget("llama_cpp"), stated.assumed("llama_cpp")) == (6 * GB, "")
