"""GPUs that an engine reaches by Vulkan alone: Intel's with memory of their own.

Owns finding them in sysfs. Their memory nobody tells but the library that computes on them;
NVIDIA's and AMD's GPUs are found by probes of their own, whatever computes on them.
"""

from __future__ import annotations

from pathlib import Path

from airunner.devices.device import Device, DeviceReport
from airunner.devices.machine import gpus_of_sysfs


def probe_vulkan(root: Path = Path("/")) -> DeviceReport:
    """Intel's GPUs in the order of their cards; their memory is not known here."""
    found = [gpu for gpu in gpus_of_sysfs(root) if gpu.maker == "intel"]
    return DeviceReport(
        tuple(
            Device(
                f"vulkan:{index}",
                "vulkan",
                gpu.name,
                None,
                None,
                index,
                note="free memory is what it was at the start",
            )
            for index, gpu in enumerate(found)
        )
    )
