from __future__ import annotations

from pathlib import Path

import pytest

from airunner.devices.rocm import probe_rocm, rocm_process_bytes

GB = 10**9


def card(root: Path, name: str, pci: str, **files: object) -> None:
    """A card as sysfs has it: /sys/class/drm/<name>/device links to the PCI device."""
    device = root / "sys/devices/pci0000:00" / pci
    device.mkdir(parents=True)
    for file, content in files.items():
        (device / file).write_text(f"{content}\n")
    (root / "sys/class/drm" / name).mkdir(parents=True)
    (root / "sys/class/drm" / name / "device").symlink_to(device)
    (root / "sys/class/drm" / f"{name}-DP-1").mkdir()


def amd(total: int, used: int, **more: object) -> dict[str, object]:
    memory = {"mem_info_vram_total": total, "mem_info_vram_used": used}
    return {"vendor": "0x1002", "device": "0x744c", **memory, **more}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "sys/class/kfd/kfd").mkdir(parents=True)
    return tmp_path


def test_amd_gpus_are_found_in_pci_order(root: Path) -> None:
    card(root, "card0", "0000:83:00.0", **amd(16 * GB, 1 * GB, product_name="Radeon Pro"))
    card(root, "card1", "0000:03:00.0", **amd(24 * GB, 4 * GB, unique_id="a1b2"))
    card(root, "card2", "0000:01:00.0", vendor="0x10de")
    report = probe_rocm(root)
    first, second = report.devices
    assert (first.id, first.gpu_index, first.uuid) == ("rocm:0", 0, "a1b2")
    assert (first.name, first.kind) == ("AMD GPU 0x744c", "rocm")
    assert (first.total_bytes, first.free_bytes) == (24 * GB, 20 * GB)
    assert (second.id, second.name, second.free_bytes) == ("rocm:1", "Radeon Pro", 15 * GB)
    assert report.notes == ()


def test_a_gpu_inside_the_processor_is_left_out_but_keeps_its_number(root: Path) -> None:
    card(root, "card0", "0000:03:00.0", **amd(512 * 2**20, 0))
    card(root, "card1", "0000:08:00.0", **amd(8 * GB, 0))
    report = probe_rocm(root)
    assert [device.id for device in report.devices] == ["rocm:1"]
    assert "537 MB" in report.notes[0]


def test_memory_that_is_not_reported_is_unknown(root: Path) -> None:
    card(root, "card0", "0000:03:00.0", vendor="0x1002", mem_info_vram_total=8 * GB)
    (device,) = probe_rocm(root).devices
    assert (device.total_bytes, device.free_bytes) == (8 * GB, None)


def test_a_kernel_without_amdkfd_is_a_note(tmp_path: Path) -> None:
    assert probe_rocm(tmp_path).notes == ()
    card(tmp_path, "card0", "0000:03:00.0", **amd(8 * GB, 0))
    report = probe_rocm(tmp_path)
    assert report.devices == ()
    assert "amdkfd" in report.notes[0]


def test_memory_of_a_process_is_summed_over_gpus(root: Path) -> None:
    folder = root / "sys/class/kfd/kfd/proc/42"
    folder.mkdir(parents=True)
    (folder / "vram_1234").write_text("1000\n")
    (folder / "vram_5678").write_text("234\n")
    (folder / "sdma_1234").write_text("99\n")
    assert rocm_process_bytes(42, root) == 1234
    assert rocm_process_bytes(43, root) is None
