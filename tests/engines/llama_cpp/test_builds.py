"""Which builds of the engine suit which machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airunner.config.settings import ENGINE_BUILDS
from airunner.devices.machine import Gpu, Machine
from airunner.engines.llama_cpp.builds import BUILDS, builds_named, choose

RTX_3060 = Gpu("nvidia", "RTX 3060", (8, 6))
GTX_1080 = Gpu("nvidia", "GTX 1080", (6, 1))
GTX_680 = Gpu("nvidia", "GTX 680", (3, 0))
H100 = Gpu("nvidia", "H100", (9, 0))
RX_7900, RX_9070 = Gpu("amd", "RX 7900", target="gfx1100"), Gpu("amd", "RX 9070", target="gfx1201")
MI_100 = Gpu("amd", "MI100", target="gfx908")
ARC, APPLE = Gpu("intel", "Arc A770"), Gpu("apple", "Apple GPU")
NEW = Machine(glibc=(2, 39), cuda=(13, 2), has_vulkan=True)
AMD = Machine(glibc=(2, 39), has_amdkfd=True, has_vulkan=True)


def on(machine: Machine, *gpus: Gpu, **changes: object) -> Machine:
    return replace(machine, gpus=gpus, **changes)


@pytest.mark.parametrize(
    ("machine", "suitable"),
    [
        (on(NEW), []),
        (on(NEW, RTX_3060), ["cu132", "cu128", "vulkan"]),
        (on(NEW, RTX_3060, cuda=(13, 0)), ["cu132", "cu128", "vulkan"]),
        (on(NEW, RTX_3060, cuda=(12, 4)), ["cu128", "vulkan"]),
        (on(NEW, RTX_3060, cuda=(11, 8)), ["vulkan"]),
        (on(NEW, RTX_3060, cuda=None), ["vulkan"]),
        (on(NEW, RTX_3060, glibc=(2, 31)), ["cu128", "vulkan"]),
        (on(NEW, RTX_3060, glibc=None), ["cu128", "vulkan"]),
        (on(NEW, RTX_3060, has_vulkan=False, cuda=(11, 0)), []),
        (on(NEW, GTX_1080), ["cu128", "vulkan"]),
        (on(NEW, GTX_1080, cuda=(12, 4)), ["vulkan"]),  # compiled at its first start
        (on(NEW, GTX_680), ["vulkan"]),
        (on(NEW, H100), ["cu132", "cu128", "vulkan"]),
        (on(NEW, H100, cuda=(13, 0)), ["cu128", "vulkan"]),
        (on(NEW, H100, cuda=(12, 6)), ["vulkan"]),
        (on(NEW, GTX_680, RTX_3060), ["cu132", "cu128", "vulkan"]),
        (on(AMD, RX_7900), ["rocm-7.2.4", "rocm-6.4.1", "vulkan"]),
        (on(AMD, RX_7900, rocm=(6, 4)), ["rocm-6.4.1", "vulkan"]),
        (on(AMD, RX_9070), ["rocm-7.2.4", "vulkan"]),
        (on(AMD, RX_9070, rocm=(6, 4)), ["vulkan"]),
        (on(AMD, MI_100), ["vulkan"]),
        (on(AMD, RX_7900, has_amdkfd=False), ["vulkan"]),
        (on(AMD, ARC), ["vulkan"]),
        (on(AMD, ARC, has_vulkan=False), []),
        (Machine("darwin", "arm64", gpus=(APPLE,)), ["metal"]),
        (Machine("darwin", "x86_64"), []),
    ],
)
def test_the_builds_that_suit_a_machine_in_the_order_of_preference(
    machine: Machine, suitable: list[str]
) -> None:
    assert [build.name for build in choose(machine).suitable] == suitable


def test_what_a_machine_lacks_is_said_of_builds_for_its_gpus_alone() -> None:
    old = on(NEW, RTX_3060, cuda=(12, 4), glibc=(2, 31), has_vulkan=False)
    assert choose(old).lacking == {
        "cu132": "it needs an NVIDIA driver for CUDA 13.0, this one has 12.4",
        "vulkan": "there is no Vulkan driver for a GPU",
    }
    glibc = on(NEW, RTX_3060, glibc=(2, 31))
    assert choose(glibc).lacking == {"cu132": "it needs glibc 2.35, this system has 2.31"}
    assert "RX 9070 is none" in choose(on(AMD, RX_9070)).lacking["rocm-6.4.1"]
    assert "ROCm 7, installed is 6.4" in choose(on(AMD, RX_7900, rocm=(6, 4))).lacking["rocm-7.2.4"]


def test_a_build_may_be_asked_for_by_its_name_or_the_beginning_of_it() -> None:
    assert [b.name for b in builds_named("cu128")] == ["cu128"]
    assert [b.name for b in builds_named("rocm")] == ["rocm-7.2.4", "rocm-6.4.1"]
    assert set(ENGINE_BUILDS) == {"auto", "rocm", *BUILDS}
    assert BUILDS["cu128"].lacks(on(NEW)) == "there is no NVIDIA GPU"
    assert BUILDS["rocm-7.2.4"].lacks(on(NEW)) == "there is no AMD GPU"
    assert "no Mac" in BUILDS["metal"].lacks(on(NEW))
