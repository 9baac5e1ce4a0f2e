"""Every kind of pipeline that the manual promises, drawn in miniature by real workers."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from airunner.engines.diffusers.client import DiffusersModel
from airunner.engines.diffusers.launcher import ImageLauncher
from airunner.engines.image import Drawn, ImagePlan, ImageRequest, ImageStep, Lora
from airunner.errors import ImageRequestError, LoadError
from airunner.models.files.pipeline import read_pipeline
from airunner.models.memory.image import estimate_image_memory

SCRIPTS = Path(__file__).parents[2]
STEPS = 3


def make(script: str, *arguments: Path) -> None:
    command = [sys.executable, str(SCRIPTS / script), *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("families")
    make("tiny_transformers.py", folder)
    return folder


@asynccontextmanager
async def loaded(path: Path) -> AsyncIterator[DiffusersModel]:
    launcher = ImageLauncher()
    worker = await launcher.launch(ImagePlan(path.stem, path, max_pixels=64 * 64))
    try:
        yield worker.model
    finally:
        await worker.stop()
        await launcher.close()


class Sheet:
    """Draws with one model into ``folder``."""

    def __init__(self, model: DiffusersModel, folder: Path) -> None:
        self.model, self._folder = model, folder
        self.steps: list[ImageStep] = []
        self.settings: dict[str, str] = {}

    async def draw(self, **changes: Any) -> bytes:
        """The picture's pixels."""
        target = self._folder / "a.png"
        base: dict[str, Any] = {"steps": STEPS, "seed": 7, "width": 64, "height": 64}
        request = ImageRequest("a red circle", targets=(target,), **(base | changes))
        *steps, drawn = [item async for item in self.model.draw(request)]
        assert isinstance(drawn, Drawn)
        self.steps = [step for step in steps if isinstance(step, ImageStep)]
        self.settings = drawn.pictures[0].settings
        with Image.open(target) as image:
            assert image.size == (64, 64)
            content = image.convert("RGB").tobytes()
        target.unlink()
        return content


@pytest.mark.parametrize("family", ["sd3", "flux", "flux_dev", "qwen", "zimage"])
def test_a_family_draws_previews_guides_and_starts_from_pictures(
    families: Path, tmp_path: Path, family: str
) -> None:
    source, mask = tmp_path / "source.png", tmp_path / "mask.png"
    Image.new("RGB", (64, 64), "navy").save(source)
    Image.new("L", (64, 64), 255).save(mask)

    async def main() -> None:
        async with loaded(families / family) as model:
            sheet = Sheet(model, tmp_path)
            plain = await sheet.draw(preview_every=STEPS)
            assert [step.step for step in sheet.steps] == [1, 2, 3]
            assert sheet.settings["scheduler"] == "euler"
            # The last preview is the picture itself, so its latents were read rightly.
            last = sheet.steps[-1].preview_png
            assert last is not None
            with Image.open(io.BytesIO(last)) as preview:
                assert preview.convert("RGB").tobytes() == plain
            assert await sheet.draw() == plain
            assert await sheet.draw(seed=8) != plain
            assert await sheet.draw(second_prompt="blue") != plain
            strong = await sheet.draw(guidance=9.0)
            assert strong != plain
            assert sheet.settings["guidance"] == "9"
            if family == "flux_dev":  # its guidance is trained in
                with pytest.raises(ImageRequestError, match="takes no negative prompt"):
                    await sheet.draw(negative_prompt="blue")
            else:
                assert await sheet.draw(negative_prompt="blue", guidance=9.0) != strong
            for scheduler in ("euler_karras", "lcm"):
                assert await sheet.draw(scheduler=scheduler) != plain
                assert sheet.settings["scheduler"] == scheduler
            with pytest.raises(ImageRequestError, match="it can use euler, euler_karras, lcm"):
                await sheet.draw(scheduler="ddim")
            with pytest.raises(ImageRequestError, match=r"multiples of 16 .* nearest is 64 x 64"):
                await sheet.draw(width=72)
            near = await sheet.draw(init_image=source, strength=0.4)
            assert len(sheet.steps) == 2
            assert near != plain
            assert await sheet.draw(init_image=source, mask=mask, strength=0.7) != near
            if (lora := families / f"{family}.safetensors").exists():
                assert await sheet.draw(loras=(Lora(lora),)) != plain
            assert await sheet.draw() == plain

    asyncio.run(asyncio.wait_for(main(), 300))


def test_a_gguf_transformer_is_counted_as_it_is_stored_and_draws_close_to_the_original(
    families: Path, tmp_path: Path
) -> None:
    pipeline = read_pipeline(families / "flux_gguf")
    assert pipeline.denoiser.is_gguf
    (file,) = pipeline.denoiser.files
    assert pipeline.denoiser.loaded_bytes(4) == file.stat().st_size
    estimate = estimate_image_memory(pipeline, width=64, height=64)
    rest = [part for name, part in pipeline.parts.items() if name != "transformer"]
    assert estimate.weights_bytes == file.stat().st_size + sum(p.loaded_bytes(4) for p in rest)

    async def main() -> bytes:
        async with loaded(families / "flux_gguf") as model:
            return await Sheet(model, tmp_path).draw()

    quantized = asyncio.run(asyncio.wait_for(main(), 300))
    with Image.open(families / "flux.png") as image:
        original = image.convert("RGB").tobytes()
    differences = [abs(a - b) for a, b in zip(original, quantized, strict=True)]
    assert max(differences) > 0, "the 8-bit file was not the one that was used"
    assert sum(differences) / len(differences) < 8


def test_one_file_in_the_first_layout_draws_the_same_with_its_configuration_beside_it(
    tiny_pipelines: Path, tmp_path: Path
) -> None:
    file = tmp_path / "single.safetensors"
    make("original_layout.py", tiny_pipelines / "sd", file)
    with Image.open(tiny_pipelines / "plain.png") as image:
        expected = image.convert("RGB").tobytes()

    async def main() -> None:
        async with loaded(file) as model:
            assert await Sheet(model, tmp_path).draw(steps=4) == expected
        alone = file.rename(tmp_path / "alone.safetensors")
        with pytest.raises(LoadError, match=r"configuration folders into alone/ beside the file"):
            await ImageLauncher().launch(ImagePlan("alone", alone))

    asyncio.run(asyncio.wait_for(main(), 300))
