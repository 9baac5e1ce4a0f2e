"""GPUs, drivers and the C library, in trees of files as Linux has them and with an NVML of ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from airunner.devices.machine import Gpu, Machine, probe_machine
from airunner.devices.vulkan import probe_vulkan


class NvmlError(Exception):
    pass


def nvml(*gpus: tuple[str | bytes, tuple[int, int]], cuda: int = 12080) -> SimpleNamespace:
    """A driver's library with these GPUs; none at all means that there is no driver."""

    def init() -> None:
        if not gpus:
            raise NvmlError("Driver Not Loaded")

    return SimpleNamespace(
        NVMLError=NvmlError,
        nvmlInit=init,
        nvmlShutdown=lambda: None,
        nvmlSystemGetCudaDriverVersion_v2=lambda: cuda,
        nvmlDeviceGetCount=lambda: len(gpus),
        nvmlDeviceGetHandleByIndex=lambda index: gpus[index],
        nvmlDeviceGetName=lambda gpu: gpu[0],
        nvmlDeviceGetCudaComputeCapability=lambda gpu: gpu[1],
    )


@pytest.fixture
def card(tmp_path: Path) -> Callable[..., None]:
    def add(number: int, vendor: str, address: str = "0000:01:00.0", **files: str) -> None:
        device = tmp_path / "sys/devices" / f"{number}" / address
        device.mkdir(parents=True)
        for name, text in {"vendor": vendor, **files}.items():
            (device / name).write_text(text + "\n")
        drm = tmp_path / f"sys/class/drm/card{number}"
        drm.mkdir(parents=True)
        (drm / "device").symlink_to(device)
        (tmp_path / f"sys/class/drm/card{number}-HDMI-A-1").mkdir()

    return add


def driver(root: Path, name: str) -> None:
    folder = root / "usr/share/vulkan/icd.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("{}")


def probe(root: Path, library: object = None, loader: str | None = "libvulkan.so.1") -> Machine:
    return probe_machine(root, library or nvml(), "linux", "x86_64", lambda _: loader)


def test_a_machine_without_a_gpu(tmp_path: Path) -> None:
    driver(tmp_path, "intel_icd.json")
    found = probe(tmp_path)
    assert (found.gpus, found.cuda, found.has_vulkan, found.has_amdkfd) == ((), None, False, False)
    assert found.glibc is None or found.glibc >= (2, 17)


def test_nvidias_gpus_come_from_their_driver_once(
    tmp_path: Path, card: Callable[..., None]
) -> None:
    card(0, "0x10de")
    found = probe(tmp_path, nvml(("RTX 3060", (8, 6)), (b"GTX 1080", (6, 1)), cuda=13020))
    assert found.cuda == (13, 2)
    assert found.gpus == (
        Gpu("nvidia", "RTX 3060", (8, 6)),
        Gpu("nvidia", "GTX 1080", (6, 1)),
    )


def test_without_nvidias_driver_its_card_is_still_a_gpu(
    tmp_path: Path, card: Callable[..., None]
) -> None:
    card(0, "0x10de")
    driver(tmp_path, "nouveau_icd.x86_64.json")
    found = probe(tmp_path)
    assert [gpu.maker for gpu in found.gpus] == ["nvidia"]
    assert (found.cuda, found.has_vulkan) == (None, True)


def test_a_driver_that_fails_half_way_ends_nothing(tmp_path: Path) -> None:
    library = nvml(("RTX 3060", (8, 6)))

    def fail() -> int:
        raise NvmlError("Unknown Error")

    library.nvmlSystemGetCudaDriverVersion_v2 = fail
    assert probe(tmp_path, library).cuda is None


def test_amds_gpus_have_their_target_and_one_in_the_processor_is_none(
    tmp_path: Path, card: Callable[..., None]
) -> None:
    gib = str(16 << 30)
    card(0, "0x1002", mem_info_vram_total=gib, product_name="RX 7900")
    card(1, "0x1002", mem_info_vram_total=str(512 << 20))
    nodes = tmp_path / "sys/class/kfd/kfd/topology/nodes"
    for node, version in (("0", "0"), ("1", "110000")):
        (nodes / node).mkdir(parents=True)
        (nodes / node / "properties").write_text(f"simd_count 96\ngfx_target_version {version}\n")
    (tmp_path / "opt/rocm/.info").mkdir(parents=True)
    (tmp_path / "opt/rocm/.info/version").write_text("6.4.1-83\n")
    found = probe(tmp_path)
    assert found.gpus == (Gpu("amd", "RX 7900", target="gfx1100"),)
    assert (found.rocm, found.has_amdkfd) == ((6, 4), True)


@pytest.mark.parametrize(
    ("files", "loader", "has_vulkan"),
    [
        (("intel_icd.x86_64.json",), "libvulkan.so.1", True),
        (("lvp_icd.x86_64.json",), "libvulkan.so.1", False),
        (("intel_icd.x86_64.json",), None, False),
        ((), "libvulkan.so.1", False),
    ],
)
def test_vulkan_takes_a_loader_and_a_gpus_driver(
    tmp_path: Path,
    card: Callable[..., None],
    files: tuple[str, ...],
    loader: str | None,
    has_vulkan: bool,
) -> None:
    card(0, "0x8086", "0000:03:00.0")
    for name in files:
        driver(tmp_path, name)
    assert probe(tmp_path, loader=loader).has_vulkan is has_vulkan


def test_intels_gpu_in_the_processor_is_none_and_one_of_its_own_is_a_device(
    tmp_path: Path, card: Callable[..., None]
) -> None:
    card(0, "0x8086", "0000:00:02.0")
    assert probe(tmp_path).gpus == ()
    assert probe_vulkan(tmp_path).devices == ()
    card(1, "0x8086", "0000:03:00.0", product_name="Arc A770")
    (device,) = probe_vulkan(tmp_path).devices
    assert (device.id, device.kind, device.name) == ("vulkan:0", "vulkan", "Arc A770")
    assert device.total_bytes is None


def test_a_mac_has_apples_gpu_or_none() -> None:
    assert [g.maker for g in probe_machine(system="darwin", processor="arm64").gpus] == ["apple"]
    assert probe_machine(system="darwin", processor="x86_64").gpus == ()
