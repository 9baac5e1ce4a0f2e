"""The tools that draw, with models that are scripted: order, fallbacks, what the primary reads."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from airunner.agent.tool_calling.prompt import AUTO, Reply
from airunner.agent.tool_calling.tool_block import ToolBlock
from airunner.components.llm.tools.image_tools import (
    describe_image_settings,
    generate_image,
    image_toolset,
    transform_image,
    vary_image,
)
from airunner.engines.image import Drawn, ImageRequest, Picture
from airunner.errors import (
    AiRunnerError,
    DoesNotFitError,
    GenerationError,
    ImageRequestError,
    ToolArgumentsError,
    ToolError,
    ToolFailedError,
    ToolRetryError,
)
from airunner.guided.tool_calling import GuidedToolCalling
from airunner.messages import Message
from airunner.models.spec import ModelCapability
from airunner.pictures import PicturesFolder
from airunner.toolbox.pictures.prompt_enhancement import merged
from airunner.toolbox.toolset import builtin_toolset


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(settings: dict[str, str]) -> bytes:
    texts = (chunk(b"tEXt", f"{key}\0{value}".encode("latin-1")) for key, value in settings.items())
    return b"\x89PNG\r\n\x1a\n" + b"".join(texts) + chunk(b"IEND", b"")


Answer = Callable[[str], str]


def more_of(prompt: str) -> str:
    return f"{prompt}, glowing embers, mist"


class ImageService:
    """The ``api`` of a call. ``log`` is the order in which models were used."""

    def __init__(
        self, path: Path, answer: Answer | None = more_of, fails: AiRunnerError | None = None
    ) -> None:
        self.pictures = PicturesFolder(path, now=lambda: datetime(2026, 11, 23, 14, 5))
        self.log: list[str] = []
        self.questions: list[str] = []
        self.requests: list[ImageRequest] = []
        self.reports: list[str] = []
        self.cancelled = self.plain_words = False
        self._answer, self._fails = answer, fails

    @contextmanager
    def series(self) -> Iterator[None]:
        self.log.append("series")
        try:
            yield
        finally:
            self.log.append("end")

    def use_specialized_model(
        self, capability: ModelCapability, prompt: str, max_tokens: int = 512
    ) -> str | None:
        raise AssertionError("each call would be a load of its own")

    def load_specialized_model(
        self, capability: ModelCapability, return_to_primary: bool = True
    ) -> Self | None:
        assert capability is ModelCapability.PROMPT_ENHANCEMENT
        self.log.append("load")
        return None if self._answer is None else self

    def invoke(self, prompt: str, *, max_tokens: int | None = None, remember: bool = True) -> str:
        assert not remember
        assert max_tokens
        assert self._answer is not None
        self.questions.append(prompt)
        return self._answer(prompt.rpartition("Picture: ")[2])

    def close(self) -> None:
        self.log.append("close")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def draws_plain_words(self) -> bool:
        return self.plain_words

    def prepare_drawing(self) -> None:
        self.log.append("prepare")

    def draw(self, request: ImageRequest) -> Drawn:
        self.log.append("draw")
        assert request.preview_every  # whoever watches sees it come
        self.requests.append(replace(request, preview_every=0))
        if self._fails is not None:
            raise self._fails
        seed = 7 if request.seed is None else request.seed
        drawn = []
        for number, path in enumerate(self.pictures.reserve(request.prompt, request.count)):
            settings = {"prompt": request.prompt, "seed": str(seed + number), "steps": "20"}
            settings |= {"width": "64", "height": "64", "guidance": "4.5", "scheduler": "ddim"}
            path.write_bytes(png(settings))
            drawn.append(Picture(path, seed + number, 64, 64, settings))
        return Drawn(tuple(drawn), 0.5)

    def report(self, text: str) -> None:
        self.reports.append(text)


def test_two_prompts_are_one_load_and_the_primary_stays_away_in_between(tmp_path: Path) -> None:
    api = ImageService(tmp_path)
    text = generate_image("dark fantasy dragon", "mysterious atmosphere", api=api)
    assert api.log == ["series", "load", "prepare", "close", "draw", "end"]
    assert len(api.questions) == 2
    (request,) = api.requests
    assert request.prompt == "dark fantasy dragon, glowing embers, mist"
    assert request.second_prompt == "mysterious atmosphere, glowing embers, mist"
    assert api.reports == ["enhancing the prompt", "drawing"]
    assert "2026-11-23 14.05 dark-fantasy-dragon-glowing-embers-mist.png (64x64, seed 7)" in text
    assert request.prompt in text
    assert str(tmp_path) not in text
    assert "PNG" not in text
    assert len(text) < 400


def test_what_the_user_asked_for_reaches_the_image_model(tmp_path: Path) -> None:
    api = ImageService(tmp_path)
    text = generate_image(
        " a cat ",
        negative_prompt="people",
        width=517,
        height=40,
        count=3,
        seed=11,
        enhance=False,
        api=api,
    )
    assert api.log == ["series", "draw", "end"]
    assert api.requests == [
        ImageRequest("a cat", 3, negative_prompt="people", width=512, height=40, seed=11)
    ]
    assert text.count(".png") == 3
    assert "seed 13" in text


def test_a_model_of_plain_words_gets_the_words_as_they_are(tmp_path: Path) -> None:
    api = ImageService(tmp_path)
    api.plain_words = True
    text = generate_image("a blue star on a red background", api=api)
    assert api.log == ["series", "draw", "end"]
    assert api.requests[0].prompt == "a blue star on a red background"
    assert "It shows: a blue star on a red background." in text


def test_a_folder_that_cannot_be_written_is_told_before_a_model_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    api = ImageService(tmp_path / "file")
    with pytest.raises(ToolFailedError, match="nothing was drawn"):
        generate_image("a cat", api=api)
    assert api.log == []


def broken(prompt: str) -> str:
    raise GenerationError("enhancer", "no")


@pytest.mark.parametrize(
    ("answer", "drawn"),
    [
        (None, "a red circle"),
        (broken, "a red circle"),
        (lambda _: "", "a red circle"),
        (lambda _: " \n", "a red circle"),
        (lambda p: p, "a red circle"),
        (lambda p: f"A list of six short phrases for the light, the mood: {p}, x", "a red circle"),
        (lambda _: "I'm sorry, as an AI I cannot see pictures.", "a red circle"),
        (
            lambda _: "Trees by a lake, evening light",
            "a red circle, trees by a lake, evening light",
        ),
        (lambda _: "Blue sea, evening light", "a red circle, evening light"),
        (lambda _: "A red circle and a blue sea, calm, fog", "a red circle, calm, fog"),
        (lambda _: "The Light, the Mood, the Style", "a red circle"),
        (lambda _: "The light is warm and soft, as in June.", "a red circle, warm and soft light"),
        (lambda _: "Once upon a time there was an old painter. He painted.", "a red circle"),
        (lambda p: f"{p} fog" * 30, "a red circle"),
        (lambda _: "A circle, soft light.", "a red circle, soft light"),
        (lambda _: 'Sure, here is it:\n"A red circle, **soft** light"', "A red circle, soft light"),
        (lambda _: "Enhanced prompt: red circle, fog\n\nEnjoy!", "red circle, fog"),
    ],
)
def test_the_users_own_words_survive_whatever_the_enhancer_says(
    tmp_path: Path, answer: Answer | None, drawn: str
) -> None:
    api = ImageService(tmp_path, answer)
    text = generate_image("a red circle", api=api)
    assert api.requests[0].prompt == drawn
    assert drawn in text
    if drawn == "a red circle":
        assert "prompt model" in text
    assert api.log[-2:] == ["draw", "end"]


def test_a_failure_at_the_second_prompt_keeps_the_first(tmp_path: Path) -> None:
    answers = iter(["a dragon, embers"])

    def once(prompt: str) -> str:
        try:
            return next(answers)
        except StopIteration:
            raise GenerationError("enhancer", "no") from None

    api = ImageService(tmp_path, once)
    generate_image("a dragon", "gloom", api=api)
    assert (api.requests[0].prompt, api.requests[0].second_prompt) == ("a dragon, embers", "gloom")


def test_an_endless_answer_is_cut(tmp_path: Path) -> None:
    line = merged("a cat", "a cat, " + "soft warm light, " * 200)
    assert line is not None
    assert len(line.split()) <= 60
    assert line.startswith("a cat, soft")


@pytest.mark.parametrize(
    ("error", "told_as"),
    [
        (ImageRequestError("shapes", "sizes up to 64 work"), ToolRetryError),
        (DoesNotFitError("shapes", "cpu", 9, 1, 5), ToolFailedError),
    ],
)
def test_an_image_model_that_fails_is_said_plainly(
    tmp_path: Path, error: AiRunnerError, told_as: type[ToolError]
) -> None:
    api = ImageService(tmp_path, fails=error)
    with pytest.raises(told_as, match="nothing was drawn") as caught:
        generate_image("a cat", api=api)
    assert str(error) in str(caught.value)
    assert api.log[-1] == "end"


def test_a_model_that_takes_no_negative_prompt_draws_without(tmp_path: Path) -> None:
    api = ImageService(tmp_path, fails=ImageRequestError("turbo", "it takes no negative prompt"))
    with pytest.raises(ToolRetryError):
        generate_image("a cat", negative_prompt="a dog", api=api)
    assert [r.negative_prompt for r in api.requests] == ["a dog", None]


def test_without_a_prompt_or_models_nothing_is_loaded(tmp_path: Path) -> None:
    api = ImageService(tmp_path)
    with pytest.raises(ToolRetryError, match="prompt is empty"):
        generate_image("  ", api=api)
    with pytest.raises(ToolRetryError, match="prompt is empty"):
        transform_image("  ", api=api)
    assert api.log == []
    with pytest.raises(ToolFailedError, match="api"):
        generate_image("a cat")
    for arguments in ({"prompt": "x" * 601}, {"prompt": "x", "count": 5}, {"prompt": "x", "w": 1}):
        with pytest.raises(ToolArgumentsError):
            generate_image.validate(arguments)


def test_variations_take_the_settings_of_the_picture(tmp_path: Path) -> None:
    api = ImageService(tmp_path)
    with pytest.raises(ToolRetryError, match="no picture yet"):
        vary_image(api=api)
    generate_image("a cat", enhance=False, api=api)
    text = vary_image(count=2, api=api)
    request = api.requests[-1]
    assert (request.prompt, request.count, request.seed) == ("a cat", 2, None)
    assert (request.width, request.height, request.steps) == (64, 64, 20)
    assert (request.guidance, request.scheduler) == (4.5, "ddim")
    assert request.init_image is None
    assert text.startswith("Variations of 2026-11-23 14.05 a-cat.png.")
    vary_image("2026-11-23 14.05 a-cat", seed=3, strength=0.3, api=api)
    request = api.requests[-1]
    assert (request.init_image, request.strength) == (tmp_path / "2026-11-23 14.05 a-cat.png", 0.3)
    assert (request.width, request.seed) == (None, 3)
    with pytest.raises(ToolRetryError, match="no picture called"):
        vary_image("../cat", api=api)


def test_a_transformation_starts_from_the_picture(tmp_path: Path) -> None:
    api = ImageService(tmp_path)
    generate_image("a cat", enhance=False, api=api)
    transform_image("at night", api=api)
    assert api.requests[-1] == ImageRequest(
        "a cat, at night", init_image=tmp_path / "2026-11-23 14.05 a-cat.png", strength=0.6
    )
    transform_image("a dog on a red sofa", "2026-11-23 14.05 a-cat.png", 0.9, api=api)
    assert (api.requests[-1].prompt, api.requests[-1].strength) == ("a dog on a red sofa", 0.9)


def test_strange_metadata_does_not_hurt(tmp_path: Path) -> None:
    api = ImageService(tmp_path)
    bad = {"steps": "many", "guidance": "", "size": "64by64", "width": "1e9"}
    (tmp_path / "odd.png").write_bytes(png(bad))
    vary_image(api=api)
    assert api.requests == [ImageRequest("odd")]


def test_settings_are_told(tmp_path: Path) -> None:
    api = ImageService(tmp_path)
    generate_image("a cat", seed=5, enhance=False, api=api)
    text = describe_image_settings(api=api)
    assert text.splitlines()[:3] == [
        "2026-11-23 14.05 a-cat.png was drawn with",
        "prompt: a cat",
        "seed: 5",
    ]
    (tmp_path / "bare.png").write_bytes(png({}))
    assert describe_image_settings("bare", api=api) == (
        "bare.png does not say what it was drawn with."
    )


def arguments_of(
    message: str, *before: Message, choice: str = AUTO
) -> tuple[str, dict[str, object]]:
    """The call that a model without tools makes of a message; nothing may be left to decode."""
    tools = builtin_toolset() + image_toolset()
    dialect = GuidedToolCalling(tools, ToolBlock(tools))
    said = [*before, Message("user", message)]
    reply = dialect.next_step(said, may_call=True, again=None, choice=choice)
    assert isinstance(reply, Reply), f"{message!r} leaves something to decode"
    (call,) = reply.calls
    return call.name, dict(tools.get(call.name).validate(call.arguments).values)


SAID: Sequence[tuple[str, dict[str, object]]] = [
    ("a dark fantasy dragon, please", {"prompt": "a dark fantasy dragon"}),
    ("Create a dark fantasy dragon", {"prompt": "a dark fantasy dragon"}),
    ("Draw a red circle on a blue background.", {"prompt": "a red circle on a blue background"}),
    ("Can you please draw me a picture of an old ship?", {"prompt": "an old ship"}),
    ("I'd like an image of a lake at night, thanks!", {"prompt": "a lake at night"}),
    ("Draw this: a castle on a hill", {"prompt": "a castle on a hill"}),
    ("Draw a cat, 512x256, seed 42", {"prompt": "a cat", "width": 512, "height": 256, "seed": 42}),
    ("draw three pictures of a cat", {"prompt": "a cat", "count": 3}),
    (
        "draw a beach without any people",
        {"prompt": "a beach", "negative_prompt": "people"},
    ),
    (
        "draw a cat exactly as I wrote",
        {"prompt": "a cat", "enhance": False},
    ),
    ("draw a man with a hat", {"prompt": "a man with a hat"}),
    ('draw a sign that says "open"', {"prompt": 'a sign that says "open"'}),
]


@pytest.mark.parametrize(("message", "expected"), SAID)
def test_the_words_of_a_request_become_arguments(message: str, expected: dict[str, object]) -> None:
    found = arguments_of(message, choice="generate_image")
    assert found == ("generate_image", expected)


def test_words_about_earlier_pictures_become_arguments() -> None:
    before = (Message("user", "Describe a castle."), Message("assistant", "A castle of ice."))
    assert arguments_of("draw that", *before) == ("generate_image", {"prompt": "A castle of ice."})
    assert arguments_of("three variations of it please", choice="vary_image") == (
        "vary_image",
        {"count": 3},
    )
    assert arguments_of("make a variation of 2026-11-23 14.05 a-cat.png", choice="vary_image") == (
        "vary_image",
        {"picture": "2026-11-23 14.05 a-cat"},
    )
    assert arguments_of("turn it into a watercolour, please", choice="transform_image") == (
        "transform_image",
        {"prompt": "a watercolour"},
    )
    assert arguments_of("make it look like an oil painting", choice="transform_image") == (
        "transform_image",
        {"prompt": "an oil painting"},
    )
