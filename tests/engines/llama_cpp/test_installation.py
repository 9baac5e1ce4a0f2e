"""Asking the engine which accelerators it was built for."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from airunner.engines.llama_cpp.installation import (
    ask_again,
    engine_backends,
    engine_gpus,
    kinds_of,
)


@pytest.fixture(autouse=True)
def ask_afresh() -> None:
    ask_again()


def test_device_names_tell_the_kind() -> None:
    assert kinds_of(["CUDA0", "CUDA1", "CPU"]) == {"cuda"}
    assert kinds_of(["ROCm0"]) == {"rocm"}
    assert kinds_of(["MTL0"]) == {"metal"}
    assert kinds_of(["CPU"]) == frozenset()


def test_the_bundled_engine_answers_for_itself() -> None:
    assert engine_backends(None) <= {"cuda", "rocm", "metal", "vulkan"}


def test_a_llama_server_of_ones_own_is_asked(tmp_path: Path) -> None:
    server = tmp_path / "llama-server"
    server.write_text("#!/bin/sh\necho 'Available devices:'\necho '  CUDA0: Some GPU (8 GiB)'\n")
    server.chmod(server.stat().st_mode | stat.S_IXUSR)
    assert engine_backends(server) == {"cuda"}


def test_its_word_on_memory_is_taken(tmp_path: Path) -> None:
    server = tmp_path / "llama-server"
    listed = "Available devices:\\n  Vulkan0: Intel Arc (tm) (16256 MiB, 15000 MiB free)"
    server.write_text(f"#!/bin/sh\nprintf '{listed}\\n'\n")
    server.chmod(server.stat().st_mode | stat.S_IXUSR)
    (gpu,) = engine_gpus(server)
    assert (gpu.name, gpu.total_bytes, gpu.free_bytes) == ("Vulkan0", 16256 << 20, 15000 << 20)
    assert engine_backends(server) == {"vulkan"}


def test_an_engine_that_cannot_be_asked_counts_as_built_for_the_cpu(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert engine_backends(tmp_path / "absent") == frozenset()
    assert "could not be asked" in caplog.text
