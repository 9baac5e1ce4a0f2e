from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pynvml
import pytest

from airunner.devices.cuda import cuda_process_bytes, probe_cuda

GB = 10**9


@dataclass
class Gpu:
    name: str = "RTX"
    uuid: str = "GPU-aa"
    total: int = 8 * GB
    free: int = 6 * GB
    processes: Mapping[int, int | None] = field(default_factory=dict)
    instances: Sequence[Gpu | None] | None = None  # the GPU's MIG slots, when it is split
    error: int | None = None  # what asking for its memory raises


@dataclass
class Entry:
    pid: int
    usedGpuMemory: int | None


class FakeNvml:
    """The functions of pynvml that are used, over ``gpus``; raises pynvml's own errors."""

    NVMLError = pynvml.NVMLError
    NVML_ERROR_LIBRARY_NOT_FOUND = pynvml.NVML_ERROR_LIBRARY_NOT_FOUND
    NVML_ERROR_DRIVER_NOT_LOADED = pynvml.NVML_ERROR_DRIVER_NOT_LOADED
    NVML_ERROR_NOT_SUPPORTED = pynvml.NVML_ERROR_NOT_SUPPORTED

    def __init__(self, *gpus: Gpu, broken: int | None = None) -> None:
        self.gpus, self.broken = gpus, broken
        self.sessions = 0

    def nvmlInit(self) -> None:
        if self.broken is not None:
            raise pynvml.NVMLError(self.broken)
        self.sessions += 1

    def nvmlShutdown(self) -> None:
        self.sessions -= 1

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Gpu:
        assert self.sessions == 1
        return self.gpus[index]

    def nvmlDeviceGetMigMode(self, gpu: Gpu) -> list[int]:
        if gpu.instances is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return [1, 1]

    def nvmlDeviceGetMaxMigDeviceCount(self, gpu: Gpu) -> int:
        return len(gpu.instances or ())

    def nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: Gpu, index: int) -> Gpu:
        instance = (gpu.instances or ())[index]
        if instance is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return instance

    def nvmlDeviceGetMemoryInfo(self, gpu: Gpu) -> Any:
        if gpu.error is not None:
            raise pynvml.NVMLError(gpu.error)
        return gpu

    def nvmlDeviceGetName(self, gpu: Gpu) -> bytes:
        return gpu.name.encode()  # old drivers answer in bytes, new ones in text

    def nvmlDeviceGetUUID(self, gpu: Gpu) -> str:
        return gpu.uuid

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: Gpu) -> list[Entry]:
        return [Entry(pid, held) for pid, held in gpu.processes.items()]


def test_gpus_are_found_with_their_free_memory() -> None:
    nvml = FakeNvml(Gpu("RTX 4060", "GPU-a"), Gpu("RTX 3090", "GPU-b", 24 * GB, 20 * GB))
    report = probe_cuda(nvml)
    first, second = report.devices
    assert (first.id, first.kind, first.name, first.gpu_index) == ("cuda:0", "cuda", "RTX 4060", 0)
    assert (first.total_bytes, first.free_bytes) == (8 * GB, 6 * GB)
    assert (second.id, second.gpu_index, second.uuid) == ("cuda:1", 1, "GPU-b")
    assert second.is_accelerator
    assert (report.notes, nvml.sessions) == ((), 0), "the library is shut down again"


@pytest.mark.parametrize(
    "code", [pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED]
)
def test_no_driver_is_no_device_and_no_complaint(code: int) -> None:
    report = probe_cuda(FakeNvml(broken=code))
    assert (report.devices, report.notes) == ((), ())


def test_a_broken_driver_is_a_note() -> None:
    report = probe_cuda(FakeNvml(broken=pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH))
    assert report.devices == ()
    assert "NVIDIA driver" in report.notes[0]
    assert "ersion" in report.notes[0]


def test_a_lost_gpu_does_not_hide_the_others() -> None:
    nvml = FakeNvml(Gpu(uuid="GPU-a", error=pynvml.NVML_ERROR_GPU_IS_LOST), Gpu(uuid="GPU-b"))
    report = probe_cuda(nvml)
    assert [device.uuid for device in report.devices] == ["GPU-b"]
    assert "NVIDIA GPU 0" in report.notes[0]
    assert nvml.sessions == 0


def test_memory_that_is_not_reported_is_unknown_and_never_0() -> None:
    (device,) = probe_cuda(FakeNvml(Gpu(error=pynvml.NVML_ERROR_NOT_SUPPORTED))).devices
    assert (device.total_bytes, device.free_bytes) == (None, None)
    assert "--devices" in device.note


def test_a_split_gpu_is_its_instances() -> None:
    slots = [
        Gpu("MIG 1g.10gb", "MIG-1", 10 * GB, 9 * GB),
        None,
        Gpu("MIG 2g.20gb", "MIG-2", 20 * GB),
    ]
    devices = probe_cuda(FakeNvml(Gpu(instances=slots), Gpu(uuid="GPU-b"))).devices
    assert [(d.id, d.uuid) for d in devices] == [
        ("cuda:0", "MIG-1"),
        ("cuda:1", "MIG-2"),
        ("cuda:2", "GPU-b"),
    ]


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, ["GPU-aa", "GPU-ab", "GPU-c"]),
        ("2,0", ["GPU-c", "GPU-aa"]),
        ("GPU-c, 1", ["GPU-c", "GPU-ab"]),
        ("0,9,1", ["GPU-aa"]),
        ("1,1,0", ["GPU-ab"]),
        ("0,2,-1,1", ["GPU-aa", "GPU-c"]),
        ("GPU-a", []),  # not a unique beginning
        ("", []),
    ],
)
def test_visible_gpus_are_chosen_as_cuda_does(visible: str | None, expected: list[str]) -> None:
    nvml = FakeNvml(*(Gpu(uuid=uuid) for uuid in ("GPU-aa", "GPU-ab", "GPU-c")))
    report = probe_cuda(nvml, visible)
    assert [device.uuid for device in report.devices] == expected
    assert [device.gpu_index for device in report.devices] == list(range(len(expected)))
    assert bool(report.notes) == (len(expected) < 3)


def test_memory_of_a_process_is_summed_over_gpus() -> None:
    gpus = Gpu(processes={7: 3 * GB, 9: 1 * GB}), Gpu(processes={7: 2 * GB, 9: None})
    assert cuda_process_bytes(7, FakeNvml(*gpus)) == 5 * GB
    assert cuda_process_bytes(9, FakeNvml(*gpus)) is None, "a part of it is not accounted"
    assert cuda_process_bytes(1, FakeNvml(*gpus)) is None
    assert cuda_process_bytes(7, FakeNvml(broken=pynvml.NVML_ERROR_DRIVER_NOT_LOADED)) is None
