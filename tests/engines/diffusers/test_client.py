"""The engine against real worker processes with real, if random, weights."""

from __future__ import annotations

import asyncio
import io
import os
import resource
import signal
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageOps

import airunner
from airunner.engines.connection import WorkerConnection
from airunner.engines.diffusers.client import DiffusersModel
from airunner.engines.diffusers.launcher import ImageLauncher
from airunner.engines.image import Drawn, ImagePlan, ImageRequest, ImageStep, Lora
from airunner.errors import (
    BlackImageError,
    GenerationError,
    ImageRequestError,
    StorageError,
    WorkerDiedError,
)
from airunner.pictures import PicturesFolder
from airunner.workers.local_worker import LocalWorker
from airunner.workers.wire import Order

pytestmark = pytest.mark.real

Worker = LocalWorker[DiffusersModel]
PROMPT = "a red circle"
STEPS = 4
SEED = 7
MANY = 500


class _KeyKeeper(ImageLauncher):
    api_key: str

    def connect(self, order: Order[ImagePlan], connection: WorkerConnection) -> DiffusersModel:
        self.api_key = order.api_key
        return super().connect(order, connection)


class Easel:
    """One worker that many tests draw with, and the loop that its connection lives on."""

    def __init__(self, plan: ImagePlan) -> None:
        self._runner = asyncio.Runner()
        self._launcher = _KeyKeeper()
        self.worker: Worker = self.run(self._launcher.launch(plan))
        self.model = self.worker.model
        self.headers = {"Authorization": f"Bearer {self._launcher.api_key}"}

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(asyncio.wait_for(work, 300))

    def draw(self, *targets: Path, **settings: Any) -> Drawn:
        return self.run(draw(self.model, *targets, **settings))

    def close(self) -> None:
        self.run(self.worker.stop())
        self.run(self._launcher.close())
        self._runner.close()


def request(*targets: Path, **settings: Any) -> ImageRequest:
    base: dict[str, Any] = {"steps": STEPS, "seed": SEED, "count": len(targets)}
    return ImageRequest(**({"prompt": PROMPT} | base | settings), targets=targets)


async def follow(
    model: DiffusersModel, *targets: Path, **settings: Any
) -> tuple[list[ImageStep], Drawn]:
    async with aclosing(model.draw(request(*targets, **settings))) as drawing:
        *steps, drawn = [item async for item in drawing]
    return steps, drawn


async def draw(model: DiffusersModel, *targets: Path, **settings: Any) -> Drawn:
    return (await follow(model, *targets, **settings))[1]


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.convert("RGB").tobytes()


@pytest.fixture(scope="module")
def easel(tiny_pipelines: Path) -> Iterator[Easel]:
    easel = Easel(ImagePlan("tiny", tiny_pipelines / "sd", max_pixels=2 * 64 * 64))
    yield easel
    easel.close()


def test_the_same_seed_draws_the_same_picture_as_plain_diffusers(
    easel: Easel, tiny_pipelines: Path, tmp_path: Path
) -> None:
    first, again, other = (tmp_path / f"{n}.png" for n in range(3))
    drawn = easel.draw(first)
    easel.draw(again)
    easel.draw(other, seed=8)
    assert pixels(first) == pixels(again) == pixels(tiny_pipelines / "plain.png")
    assert pixels(first) != pixels(other)
    (picture,) = drawn.pictures
    assert (picture.path, picture.seed, picture.width, picture.height) == (first, SEED, 64, 64)
    assert drawn.seconds > 0
    assert sorted(tmp_path.iterdir()) == [first, again, other]


def test_a_picture_says_what_it_was_drawn_with(easel: Easel, tmp_path: Path) -> None:
    target = tmp_path / "rot.png"
    drawn = easel.draw(
        target, prompt="ein roter Kreis, 赤", negative_prompt="blue", second_prompt="soft",
        scheduler="DPM++ 2M Karras", guidance=3.5,
    )  # fmt: skip
    settings = PicturesFolder(tmp_path).settings(target)
    assert settings == drawn.pictures[0].settings
    software = settings.pop("software")
    assert software.startswith("AI Runner ")
    assert settings == {
        "prompt": "ein roter Kreis, 赤",
        "second_prompt": "soft",
        "negative_prompt": "blue",
        "seed": "7",
        "steps": "4",
        "guidance": "3.5",
        "scheduler": "dpmpp_2m_karras",
        "width": "64",
        "height": "64",
        "model": "tiny",
    }


def test_images_of_a_batch_have_the_seeds_that_follow(easel: Easel, tmp_path: Path) -> None:
    # Two fit at once into the pixels it was loaded for.
    targets = [tmp_path / f"{n}.png" for n in range(3)]
    steps, drawn = easel.run(follow(easel.model, *targets))
    assert [picture.seed for picture in drawn.pictures] == [7, 8, 9]
    assert [picture.settings["seed"] for picture in drawn.pictures] == ["7", "8", "9"]
    assert [step.step for step in steps] == list(range(1, 2 * STEPS + 1))
    assert {step.steps for step in steps} == {2 * STEPS}
    alone = tmp_path / "alone.png"
    easel.draw(alone, seed=9)
    assert pixels(alone) == pixels(targets[2])


def test_steps_come_with_small_previews_that_change_nothing(
    easel: Easel, tiny_pipelines: Path, tmp_path: Path
) -> None:
    target = tmp_path / "a.png"
    steps, _ = easel.run(follow(easel.model, target, preview_every=2))
    assert [(s.step, s.steps) for s in steps] == [(n, STEPS) for n in range(1, STEPS + 1)]
    assert [s.preview_png is not None for s in steps] == [False, True, False, True]
    assert pixels(target) == pixels(tiny_pipelines / "plain.png")
    for step in steps:
        if step.preview_png:
            with Image.open(io.BytesIO(step.preview_png)) as preview:
                assert max(preview.size) <= 64
    # The last preview shows what the picture shows.
    assert steps[-1].preview_png is not None
    with Image.open(io.BytesIO(steps[-1].preview_png)) as preview:
        assert preview.convert("RGB").tobytes() == pixels(target)
    wide = tmp_path / "wide.png"
    steps, _ = easel.run(follow(easel.model, wide, width=128, preview_every=1))
    assert steps[0].preview_png is not None
    with Image.open(io.BytesIO(steps[0].preview_png)) as preview:
        assert preview.size == (64, 32)


def test_closing_ends_a_drawing_within_a_step_and_leaves_no_file(
    easel: Easel, tmp_path: Path
) -> None:
    target, worker = tmp_path / "a.png", psutil.Process(easel.worker.pid)

    def computed_s() -> float:
        times = worker.cpu_times()
        return times.user + times.system

    async def main() -> None:
        drawing = easel.model.draw(request(target, steps=MANY))
        await anext(drawing)
        begun_s = computed_s()
        for _ in range(20):
            assert isinstance(await anext(drawing), ImageStep)
        step_s = (computed_s() - begun_s) / 20
        await drawing.aclose()
        # It draws one at a time, so that this would come after the rest of the 500 steps.
        await draw(easel.model, tmp_path / "b.png")
        assert computed_s() - begun_s < step_s * MANY / 2
        # A request that waits for its turn can be given up, too.
        busy = easel.model.draw(request(target, steps=MANY))
        await anext(busy)
        waiting = asyncio.create_task(draw(easel.model, target))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await busy.aclose()
        await draw(easel.model, tmp_path / "c.png")

    easel.run(main())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.png", "c.png"]


def test_giving_up_at_the_last_step_leaves_no_file(easel: Easel, tmp_path: Path) -> None:
    async def main() -> None:
        drawing = easel.model.draw(request(tmp_path / "a.png"))
        while (await anext(drawing)).step < STEPS:
            pass
        await drawing.aclose()
        await draw(easel.model, tmp_path / "b.png")

    easel.run(main())
    assert [path.name for path in tmp_path.iterdir()] == ["b.png"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"width": 100}, "multiples of 8 .* nearest is 96 x 80"),
        ({"height": 32}, "at least 64; the nearest is 64 x 64"),
        ({"width": -8}, "the nearest is 64 x 64"),
        ({"width": 1024, "height": 1024}, "than the 8,192 pixels .*; 88 x 88 fits.* to `airu"),
        ({"steps": 0}, "steps must be 1 to"),
        ({"seed": -1}, "the seed must be"),
        ({"guidance": -1.0}, "guidance must be"),
        ({"guidance": 1.0, "negative_prompt": "blue"}, "does nothing"),
        ({"scheduler": "magic"}, "no scheduler 'magic'; it can use ddim, .*euler_a, .*unipc"),
        ({"loras": (Lora(Path("none.safetensors")),)}, "there is no LoRA file none.safetensors"),
        ({"mask": Path("mask.png")}, "needs an init_image"),
        ({"init_image": Path("none.png")}, "none.png: there is no such file"),
        ({"count": 2}, "2 pictures into 1 files"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_could(
    easel: Easel, tmp_path: Path, settings: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ImageRequestError, match=problem):
        easel.draw(tmp_path / "a.png", **settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "scheduler",
    ["euler", "euler_a", "ddim", "ddpm", "dpmpp_2m", "dpmpp_2m_karras", "dpmpp_sde", "dpmpp_2m_sde",
     "unipc", "heun", "pndm", "lcm", "deis", "dpm2", "dpm2_a", "tcd"],
)  # fmt: skip
def test_schedulers_have_their_usual_names(easel: Easel, tmp_path: Path, scheduler: str) -> None:
    drawn = easel.draw(tmp_path / "a.png", scheduler=scheduler)
    assert drawn.pictures[0].settings["scheduler"] == scheduler


def test_a_lora_acts_on_one_drawing_only(
    easel: Easel, tiny_pipelines: Path, tmp_path: Path
) -> None:
    plain, strong, weak, none, after = (tmp_path / f"{n}.png" for n in range(5))
    lora = tiny_pipelines / "fitting.safetensors"
    easel.draw(plain)
    drawn = easel.draw(strong, loras=(Lora(lora),))
    assert drawn.pictures[0].settings["loras"] == "fitting.safetensors x 1"
    easel.draw(weak, loras=(Lora(lora, 0.2),))
    easel.draw(none, loras=(Lora(lora, 0.0),))
    assert len({pixels(plain), pixels(strong), pixels(weak)}) == 3
    assert pixels(none) == pixels(plain)
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(lora.read_bytes()[:-1])
    for bad, problem in (
        (torn, "truncated"),
        (tiny_pipelines / "foreign.safetensors", "fit"),
        (tiny_pipelines / "no_lora.safetensors", "fit"),
        (tiny_pipelines / "plain.png", "no safetensors"),
    ):
        with pytest.raises(ImageRequestError, match=problem):
            easel.draw(after, loras=(Lora(lora), Lora(bad)))
    easel.draw(after)
    assert pixels(after) == pixels(plain)


def test_a_picture_can_be_drawn_from_another(easel: Easel, tmp_path: Path) -> None:
    source, mask = tmp_path / "source.png", tmp_path / "mask.png"
    drawing = Image.new("RGB", (90, 64), "navy")
    ImageDraw.Draw(drawing).ellipse((20, 10, 60, 50), fill="orange")
    drawing.save(source)
    half = Image.new("L", (90, 64), 0)
    half.paste(255, (48, 0, 90, 64))
    half.save(mask)
    near, far, painted = tmp_path / "near.png", tmp_path / "far.png", tmp_path / "painted.png"
    steps, drawn = easel.run(follow(easel.model, near, init_image=source, strength=0.25))
    assert len(steps) == 1
    assert drawn.pictures[0].width == 88
    assert drawn.pictures[0].settings["init_image"] == "source.png"
    assert drawn.pictures[0].settings["strength"] == "0.25"
    easel.draw(far, init_image=source, strength=1.0)
    assert pixels(near) != pixels(far)
    drawn = easel.draw(painted, init_image=source, mask=mask, strength=1.0, width=64, height=64)
    assert drawn.pictures[0].settings["mask"] == "mask.png"
    with Image.open(painted) as image:
        after = image.convert("RGB")
    before = ImageOps.fit(drawing, (64, 64), Image.Resampling.LANCZOS)
    changed = ImageChops.difference(before, after).getbbox()
    assert changed is not None
    left, top, right, bottom = changed
    # The mask begins at 48 of 90, of which the middle 64 are drawn.
    assert 35 - 3 <= left < 35 + 3
    assert (top, right, bottom) == (0, 64, 64)
    with pytest.raises(ImageRequestError, match=r"leaves nothing to draw; it must be 0\.25 to 1"):
        easel.draw(tmp_path / "no.png", init_image=source, strength=0.1)
    # What is loaded draws from noise as before.
    again = tmp_path / "again.png"
    easel.draw(again)
    with Image.open(again) as image:
        assert image.size == (64, 64)


def test_any_picture_to_start_from_gets_a_size_that_fits(easel: Easel, tmp_path: Path) -> None:
    """The engine draws 8,192 pixels here."""
    cases = Path(__file__).parents[2] / "cases" / "pictures"
    for number, (source, size) in enumerate(
        {
            cases / "phone.jpg": (64, 128),
            saved(tmp_path / "photo.jpg", (640, 480)): (104, 72),
            saved(tmp_path / "panorama.png", (3000, 70)): (128, 64),
            saved(tmp_path / "icon.png", (16, 16)): (64, 64),
        }.items()
    ):
        drawn = easel.draw(tmp_path / f"{number}.png", init_image=source, strength=0.5)
        assert (drawn.pictures[0].width, drawn.pictures[0].height) == size
    # A mask of another size lies over the same parts of the picture.
    mask = saved(tmp_path / "mask.png", (64, 48))
    wide = easel.draw(
        tmp_path / "m.png", init_image=tmp_path / "photo.jpg", mask=mask, strength=1.0
    )
    assert (wide.pictures[0].width, wide.pictures[0].height) == (104, 72)


def saved(path: Path, size: tuple[int, int]) -> Path:
    Image.new("RGB", size, "teal").save(path)
    return path


def test_a_model_without_the_channels_for_it_says_that_it_cannot_inpaint(
    shapes: Easel, tmp_path: Path
) -> None:
    source = saved(tmp_path / "a.png", (64, 64))
    with pytest.raises(ImageRequestError, match="it cannot inpaint; leave the mask out"):
        shapes.draw(tmp_path / "b.png", init_image=source, mask=source, strength=1.0)
    shapes.draw(tmp_path / "c.png", init_image=source, strength=0.5)


@pytest.fixture(scope="module")
def shapes() -> Iterator[Easel]:
    """The model that comes along."""
    folder = Path(airunner.__file__).parent / "components" / "art" / "shapes"
    easel = Easel(ImagePlan("shapes", folder, max_pixels=64 * 64))
    yield easel
    easel.close()


def test_a_full_disk_leaves_no_file_and_a_living_worker(easel: Easel, tmp_path: Path) -> None:
    targets = [tmp_path / "a.png", tmp_path / "b.png"]
    pid, unlimited = easel.worker.pid, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    try:
        for room in (1000, 0):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
            with pytest.raises(StorageError) as caught:
                easel.draw(*targets)
            assert caught.value.path == targets[0]
            assert list(tmp_path.iterdir()) == []
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
    with pytest.raises(StorageError):
        easel.draw(tmp_path / "missing" / "a.png")
    # The second is refused its name after the first has got one.
    targets[1].mkdir()
    with pytest.raises(StorageError):
        easel.draw(*targets)
    assert list(tmp_path.iterdir()) == [targets[1]]
    targets[1].rmdir()
    easel.draw(*targets)
    assert sorted(tmp_path.iterdir()) == targets


def test_the_worker_listens_on_loopback_and_wants_its_key(easel: Easel) -> None:
    process = psutil.Process(easel.worker.pid)
    (listening,) = [c for c in process.net_connections() if c.status == "LISTEN"]
    assert listening.laddr.ip == "127.0.0.1"
    url = f"http://127.0.0.1:{listening.laddr.port}"
    with httpx.Client(base_url=url, trust_env=False) as stranger:
        assert stranger.get("/draw").status_code == 401
        assert stranger.post("/draw", json={}).status_code == 401
        wrong = {"Authorization": "Bearer é".encode()}
        assert stranger.post("/draw", json={}, headers=wrong).status_code == 401
        for body in ("{}", "[]", "{", '{"prompt": 1}'):
            assert stranger.post("/draw", content=body, headers=easel.headers).status_code == 400
        assert stranger.post("/elsewhere", json={}, headers=easel.headers).status_code == 404


def test_the_second_prompt_reaches_the_second_encoder(tiny_pipelines: Path, tmp_path: Path) -> None:
    easel = Easel(ImagePlan("tinyxl", tiny_pipelines / "sdxl"))
    try:
        one, two, appended = (tmp_path / f"{n}.png" for n in range(3))
        easel.draw(one)
        drawn = easel.draw(two, second_prompt="blue")
        assert drawn.pictures[0].settings["second_prompt"] == "blue"
        easel.draw(appended, prompt=f"{PROMPT}, blue")
        assert len({pixels(one), pixels(two), pixels(appended)}) == 3
    finally:
        easel.close()


def test_what_a_pipeline_itself_refuses_is_a_generation_error(easel: Easel, tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match="text input"):
        easel.draw(tmp_path / "a.png", prompt=["not", 1])


@pytest.fixture(scope="module")
def black(tiny_pipelines: Path) -> Iterator[Easel]:
    """A worker whose pictures are not numbers; the last test kills it."""
    easel = Easel(ImagePlan("black", tiny_pipelines / "nan"))
    yield easel
    easel.close()


def test_a_picture_that_is_not_a_number_is_not_saved(black: Easel, tmp_path: Path) -> None:
    with pytest.raises(BlackImageError) as caught:
        black.draw(tmp_path / "a.png", preview_every=1)
    assert caught.value.dtype == "float32"
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_dies_while_drawing_is_reported_and_leaves_no_file(
    black: Easel, tmp_path: Path
) -> None:
    target = tmp_path / "a.png"

    async def main() -> None:
        drawing = black.model.draw(request(target, steps=MANY))
        await anext(drawing)
        (tmp_path / "a.png.part").write_bytes(b"as if it had just begun to write")
        os.kill(black.worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerDiedError) as caught:
            await rest(drawing)
        assert caught.value.exit_code == -signal.SIGKILL
        with pytest.raises(WorkerDiedError):
            await draw(black.model, target)

    black.run(main())
    assert list(tmp_path.iterdir()) == []


async def rest(drawing: AsyncGenerator[ImageStep | Drawn, None]) -> None:
    async for _ in drawing:
        pass
