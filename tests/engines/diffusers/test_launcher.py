"""Starting and stopping real image workers, and pipelines that cannot be loaded."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.children import Children

from airunner.engines.diffusers.launcher import ImageLauncher
from airunner.engines.image import Drawn, ImagePlan, ImageRequest
from airunner.errors import (
    CorruptWeightsError,
    LoadError,
    MissingWeightsError,
    UnsupportedArchitectureError,
)

Eventually = Callable[[Callable[[], bool]], None]

PARENT = """
import asyncio, sys
from pathlib import Path
from airunner.engines.image import ImagePlan, ImageRequest
from airunner.engines.diffusers.launcher import ImageLauncher

async def main(pipeline, target):
    launcher = ImageLauncher()
    worker = await launcher.launch(ImagePlan("tiny", Path(pipeline)))
    launcher.prepare()
    request = ImageRequest("a red circle", steps=500, targets=(Path(target),))
    async for _ in worker.model.draw(request):
        print("drawing", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 300))


def test_a_prepared_process_is_used_by_the_next_launch_with_pickles_if_insisted_on(
    tiny_pipelines: Path, tmp_path: Path, children: Children
) -> None:
    async def main() -> None:
        launcher = ImageLauncher()
        launcher.prepare()
        launcher.prepare()
        (spare,) = children()
        # The order may come while it still imports.
        plan = ImagePlan("tiny", tiny_pipelines / "pickled", allow_pickle=True)
        worker = await launcher.launch(plan)
        assert worker.pid == spare
        assert worker.load_s > 0
        held, peak = worker.memory_bytes(), worker.peak_memory_bytes()
        assert held is not None
        assert peak is not None
        assert 100_000_000 < held <= peak
        request = ImageRequest("a circle", steps=2, targets=(tmp_path / "a.png",))
        items = [item async for item in worker.model.draw(request)]
        assert isinstance(items[-1], Drawn)
        assert children() == {spare}
        await worker.stop()
        await worker.stop()
        assert (await worker.wait()).exit_code == 0
        launcher.prepare()
        await launcher.close()
        launcher.prepare()

    run(main())


def test_a_parent_killed_with_9_takes_the_worker_and_its_spare_with_it(
    tiny_pipelines: Path,
    tmp_path: Path,
    eventually: Eventually,
    gone: Callable[[int], bool],
) -> None:
    command = [sys.executable, "-c", PARENT, str(tiny_pipelines / "sd"), str(tmp_path / "a.png")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().strip() == b"drawing"
        family = [child.pid for child in psutil.Process(parent.pid).children(recursive=True)]
        assert len(family) == 2
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        eventually(lambda: all(gone(pid) for pid in family))
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_load_leaves_nothing(tiny_pipelines: Path, children: Children) -> None:
    async def main() -> None:
        launcher = ImageLauncher()
        launcher.prepare()
        (spare,) = children()
        loading = asyncio.create_task(launcher.launch(ImagePlan("tiny", tiny_pipelines / "sd")))
        await asyncio.sleep(0)
        loading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loading
        await launcher.close()
        assert not psutil.pid_exists(spare)

    run(main())


def copied(tiny_pipelines: Path, tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    shutil.copytree(tiny_pipelines / "sd", folder)
    return folder


def edited(folder: Path, **changes: Any) -> Path:
    index = folder / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | changes))
    return folder


@pytest.mark.usefixtures("children")
def test_each_unusable_pipeline_has_its_own_error_before_any_process_starts(
    tiny_pipelines: Path, tmp_path: Path
) -> None:
    def fails(error: type[Exception], path: Path, text: str, **changes: Any) -> None:
        with pytest.raises(error, match=text):
            run(ImageLauncher().launch(ImagePlan("tiny", path, **changes)))  # type: ignore[arg-type]

    def folder(name: str) -> Path:
        return copied(tiny_pipelines, tmp_path, name)

    fails(MissingWeightsError, tmp_path / "none", "not on this machine")
    (tmp_path / "empty").mkdir()
    fails(CorruptWeightsError, tmp_path / "empty", "no model_index.json")
    shutil.rmtree((partless := folder("partless")) / "unet")
    fails(CorruptWeightsError, partless, "its part 'unet' is missing")
    weightless = folder("weightless")
    (weightless / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    fails(CorruptWeightsError, weightless, "its part 'vae' has no weights")
    configless = folder("configless")
    (configless / "text_encoder" / "config.json").unlink()
    fails(CorruptWeightsError, configless, r"'text_encoder' has no config\.json")
    cut = folder("cut")
    weights = cut / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    fails(CorruptWeightsError, cut, "truncated")
    weights.write_bytes(b"<!doctype html>" * 100)
    fails(CorruptWeightsError, cut, "its header claims")
    (garbled := folder("garbled")).joinpath("model_index.json").write_text("{")
    fails(CorruptWeightsError, garbled, "it is not JSON")
    code = edited(folder("code"), _class_name=["pipeline", "Mine"])
    fails(UnsupportedArchitectureError, code, "code of its own")
    fails(LoadError, tiny_pipelines / "pickled", "pickle format.*allow_pickle")
    (checkpoint := tmp_path / "model.ckpt").write_bytes(b"\x80\x04")
    fails(LoadError, checkpoint, "pickle format.*allow_pickle")
    fails(CorruptWeightsError, tiny_pipelines / "fitting.safetensors", "holds no image model")


@pytest.mark.usefixtures("children")
def test_what_only_the_library_can_know_is_told_too(tiny_pipelines: Path, tmp_path: Path) -> None:
    unknown = edited(copied(tiny_pipelines, tmp_path, "unknown"), _class_name="MysteryPipeline")

    async def main() -> None:
        launcher = ImageLauncher()
        with pytest.raises(UnsupportedArchitectureError, match="MysteryPipeline"):
            await launcher.launch(ImagePlan("tiny", unknown))
        on_gpu = ImagePlan("tiny", tiny_pipelines / "sd", device="cuda:0", gpu_index=0)
        with pytest.raises(LoadError, match="sees 0 GPUs"):
            await launcher.launch(on_gpu)

    run(main())
