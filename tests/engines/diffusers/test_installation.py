"""What is installed to draw with, and what it was built for."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from airunner.config.settings import Settings
from airunner.engines.diffusers.descriptor import Diffusers
from airunner.engines.diffusers.installation import examine, kinds_of_torch, torch_backends

pytestmark = pytest.mark.real

ASK_TORCH = """
import json, torch
mps = torch.backends.mps.is_built()
print(json.dumps({"cuda": torch.version.cuda, "rocm": torch.version.hip, "metal": mps}))
"""


@pytest.mark.parametrize(
    ("version", "requires", "platform", "kinds"),
    [
        ("2.13.0+cpu", ["filelock"], "linux", set()),
        (
            "2.13.0+cu130",
            ["filelock", "nvidia-cudnn-cu13==9.1; platform_system"],
            "linux",
            {"cuda"},
        ),
        ("2.13.0+rocm7.1", ["triton-rocm"], "linux", {"rocm"}),
        ("2.13.0", ["sympy", "nvidia-cublas-cu12==12.4; platform_system"], "linux", {"cuda"}),
        ("2.13.0", ["sympy"], "linux", set()),
        ("2.13.0", ["sympy"], "darwin", {"metal"}),
        ("2.13.0+cpu", ["sympy"], "win32", set()),
    ],
)
def test_a_build_of_torch_tells_its_kinds(
    version: str, requires: list[str], platform: str, kinds: set[str]
) -> None:
    assert kinds_of_torch(version, requires, platform) == kinds


def test_what_torch_s_package_says_is_what_torch_does() -> None:
    if find_spec("torch") is None:
        assert torch_backends() is None
        assert not Diffusers().is_installed()
        return
    # In a process of its own: importing it takes hundreds of megabytes.
    done = subprocess.run([sys.executable, "-c", ASK_TORCH], capture_output=True, check=True)
    built = json.loads(done.stdout)
    assert torch_backends() == {kind for kind, version in built.items() if version}
    assert Diffusers().is_installed()
    assert Diffusers().backend(Settings()).kinds == torch_backends()


def test_what_drawing_images_lacks_is_told() -> None:
    (problem,) = examine(lambda name: None if name in {"diffusers", "torch"} else name).problems
    assert "diffusers, torch." in problem.what
    assert problem.remedy.endswith("pip install 'airunner[images]'")
    assert not problem.prevents_running
