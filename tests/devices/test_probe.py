from __future__ import annotations

from dataclasses import replace

from airunner.config.settings import Settings
from airunner.devices.backend import Backend
from airunner.devices.device import Device, DeviceReport
from airunner.devices.probe import probe_devices

GB = 10**9
CPU = Device("cpu", "cpu", "Ten Core", 16 * GB, 10 * GB)
CUDA = Device("cuda:0", "cuda", "RTX", 8 * GB, 6 * GB, gpu_index=0)
ROCM = Device("rocm:0", "rocm", "Radeon", 24 * GB, 20 * GB, gpu_index=0)
METAL = Device("metal", "metal", "Apple GPU", 10 * GB, 9 * GB, gpu_index=0)


def backends(talking: str = "", drawing: str | None = None) -> dict[str, Backend]:
    """Builds for the kinds named; without ``drawing`` there is no engine that draws."""
    remedy = "Install such a build."
    talks = Backend(frozenset(talking.split()), True, "words", "llama.cpp", remedy)  # type: ignore[arg-type]
    if drawing is None:
        return {"talker": talks}
    draws = Backend(frozenset(drawing.split()), False, "pictures", "PyTorch", remedy)  # type: ignore[arg-type]
    return {"talker": talks, "artist": draws}


def machine(*devices: Device, note: str = "") -> list[object]:
    reports = [DeviceReport((device,)) for device in devices]
    return [lambda report=report: report for report in [*reports, DeviceReport((), (note,))]]


def ids(report: DeviceReport) -> list[str]:
    return [device.id for device in report.devices]


def probe(*devices: Device, settings: Settings | None = None, **more: object) -> DeviceReport:
    return probe_devices(settings or Settings(), probes=machine(*devices, note="seen"), **more)  # type: ignore[arg-type]


def test_accelerators_come_first_and_the_cpu_last() -> None:
    report = probe(CPU, CUDA, ROCM)
    assert ids(report) == ["cuda:0", "rocm:0", "cpu"]
    assert report.notes[0] == "seen"
    assert "built for cuda" in report.notes[1], "whether the engine can use a GPU is not known"


def test_gpus_that_the_engine_was_not_built_for_are_left_out_with_a_note() -> None:
    report = probe(CPU, CUDA, ROCM, backends=backends("rocm", "rocm"))
    assert ids(report) == ["rocm:0", "cpu"]
    assert len(report.notes) == 2
    assert "cuda:0 (RTX) is not used" in report.notes[1]
    assert report.devices[0].engines is None


def test_a_vulkan_build_computes_on_gpus_of_every_maker() -> None:
    arc = Device("vulkan:0", "vulkan", "Arc A770", None, None, gpu_index=0)
    report = probe(CPU, CUDA, ROCM, arc, backends=backends("vulkan"))
    assert ids(report) == ["cuda:0", "rocm:0", "vulkan:0", "cpu"]
    assert report.find("vulkan:0").total_bytes is None
    told = replace(backends("vulkan")["talker"], memory=((16 * GB, 15 * GB),))
    device = probe(CPU, arc, backends={"talker": told}).find("vulkan:0")
    assert (device.total_bytes, device.free_bytes) == (16 * GB, 15 * GB)
    assert ids(probe(CPU, arc, backends=backends("cuda"))) == ["cpu"]


def test_a_gpu_that_one_engine_can_use_is_used_by_that_one() -> None:
    report = probe(CPU, CUDA, backends=backends("", "cuda"))
    gpu, cpu = report.devices
    assert (gpu.id, gpu.engines, gpu.note) == ("cuda:0", {"artist"}, "for pictures only")
    assert cpu.engines is None
    assert "cuda:0 (RTX) is used for pictures only" in report.notes[1]
    gpu, _ = probe(CPU, CUDA, backends=backends("cuda", "")).devices
    assert gpu.engines == {"talker"}
    # Without PyTorch there are no pictures, and nothing to remark on.
    report = probe(CPU, CUDA, backends=backends("cuda"))
    assert report.devices[0].engines is None
    assert report.notes == ("seen",)


def test_language_models_always_have_a_device() -> None:
    listed = Settings().replace(devices="cuda:0=4GB")
    drawing = backends("", "cuda")
    (device,) = probe(CPU, CUDA, settings=listed, backends=drawing).devices
    assert (device.id, device.kind) == ("cuda:0", "cpu")
    both = Settings().replace(devices="cuda:0=4GB,cpu:0=2GB")
    gpu, part = probe(CPU, CUDA, settings=both, backends=drawing).devices
    assert (gpu.kind, gpu.budget_bytes, part.kind) == ("cuda", 4 * GB, "cpu")
    # RAM that is shared would be counted twice.
    assert ids(probe(METAL, CPU, backends=backends("", "metal"))) == ["cpu"]


def test_shared_memory_is_counted_once() -> None:
    assert ids(probe(METAL, CPU)) == ["metal"]
    assert ids(probe(METAL, CPU, backends=backends(""))) == ["cpu"]
    both = Settings().replace(devices="metal=4GB,cpu=2GB")
    listed = probe(METAL, CPU, settings=both).devices
    assert [(d.id, d.total_bytes, d.budget_bytes) for d in listed] == [
        ("metal", 10 * GB, 4 * GB),
        ("cpu", 16 * GB, 2 * GB),
    ]


def test_the_user_s_layout_is_applied_last() -> None:
    settings = Settings().replace(devices="cpu:0=600MB,cuda:0=400MB")
    real, stand_in = probe(CPU, CUDA, settings=settings), probe(CPU, settings=settings)
    assert ids(real) == ids(stand_in) == ["cpu:0", "cuda:0"]
    assert [device.kind for device in real.devices] == ["cpu", "cuda"]
    assert [device.kind for device in stand_in.devices] == ["cpu", "cpu"]


def test_this_machine_always_has_a_device() -> None:
    report = probe_devices(Settings(), backends=backends(""))
    assert ids(report) == ["cpu"]
    assert report.devices[0].free_bytes
