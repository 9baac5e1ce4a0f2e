"""Asking the engine which accelerators it was built for."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from airunner.workers.backends import (
    backends_by_engine,
    engine_backends,
    kinds_of,
    kinds_of_torch,
    torch_backends,
)

pytestmark = pytest.mark.real

ASK_TORCH = """
import json, torch
mps = torch.backends.mps.is_built()
print(json.dumps({"cuda": torch.version.cuda, "rocm": torch.version.hip, "metal": mps}))
"""


@pytest.fixture(autouse=True)
def ask_afresh() -> None:
    engine_backends.cache_clear()


def test_device_names_tell_the_kind() -> None:
    assert kinds_of(["CUDA0", "CUDA1", "CPU"]) == {"cuda"}
    assert kinds_of(["ROCm0"]) == {"rocm"}
    assert kinds_of(["MTL0"]) == {"metal"}
    assert kinds_of(["CPU"]) == frozenset()


def test_the_bundled_engine_answers_for_itself() -> None:
    assert engine_backends(None) <= {"cuda", "rocm", "metal"}


def test_a_llama_server_of_ones_own_is_asked(tmp_path: Path) -> None:
    server = tmp_path / "llama-server"
    server.write_text("#!/bin/sh\necho 'Available devices:'\necho '  CUDA0: Some GPU (8 GiB)'\n")
    server.chmod(server.stat().st_mode | stat.S_IXUSR)
    assert engine_backends(server) == {"cuda"}


def test_an_engine_that_cannot_be_asked_counts_as_built_for_the_cpu(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert engine_backends(tmp_path / "absent") == frozenset()
    assert "could not be asked" in caplog.text


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
        assert set(backends_by_engine(None)) == {"llama_cpp"}
        return
    # In a process of its own: importing it takes hundreds of megabytes.
    done = subprocess.run([sys.executable, "-c", ASK_TORCH], capture_output=True, check=True)
    built = json.loads(done.stdout)
    assert torch_backends() == {kind for kind, version in built.items() if version}
    assert set(backends_by_engine(None)) == {"llama_cpp", "diffusers"}
