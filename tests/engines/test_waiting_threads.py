"""How the threads of an engine wait for each other, as its own OpenMP library understood it."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from airunner.engines.base import LoadPlan
from airunner.engines.diffusers.launcher import ImageLauncher
from airunner.engines.image import ImagePlan
from airunner.engines.llama_cpp.launcher import LocalLauncher

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is not GNU's")


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each library say, as it is loaded, what it was given."""
    monkeypatch.setenv("OMP_DISPLAY_ENV", "VERBOSE")
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)


def rounds(log: str) -> list[str]:
    """How often a thread looks before it sleeps, for each library in the log of a worker."""
    return re.findall(r"GOMP_SPINCOUNT = '(\d+)'", log)


@pytest.mark.parametrize("whose", ["bundled", "own"])
def test_language_models_look_for_some_microseconds(
    whose: str, smollm2: Path, tmp_path: Path, llama_server: Path
) -> None:
    async def main() -> str:
        server = llama_server if whose == "own" else None
        launcher = LocalLauncher(tmp_path / "run", server, spare=False)
        worker = await launcher.launch(LoadPlan("smol", smollm2, n_ctx=256, n_threads=2))
        await worker.stop()
        return (await worker.wait()).log

    assert set(rounds(asyncio.run(main()))) == {"300"}


def test_image_models_sleep_at_once(tiny_pipelines: Path) -> None:
    async def main() -> str:
        launcher = ImageLauncher()
        worker = await launcher.launch(ImagePlan("tiny", tiny_pipelines / "sd"))
        await worker.stop()
        return (await worker.wait()).log

    assert set(rounds(asyncio.run(main()))) == {"0"}
