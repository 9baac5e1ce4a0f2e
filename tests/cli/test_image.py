"""``airunner image``: its request, its output, interruption, and pictures in terminals."""

from __future__ import annotations

import json
import struct
import zlib
from base64 import b64decode
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from airunner.cli.image import _parse_lora, _parse_size, draw_shown, print_result
from airunner.cli.terminal_picture import picture_in_terminal, terminal_protocol
from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    EMBEDDED_ARTIST,
    MODEL_REGISTRY,
)
from airunner.engines.image import Drawn, ImageRequest, Lora, Picture
from airunner.engines.known import known_engines
from airunner.errors import GenerationError, ImageRequestError
from airunner.events import Event, EventBus, ImageStepped, PictureSaved
from airunner.models.catalog import Catalog, Resolution
from airunner.models.spec import ModelCapability


class Handle:
    """An enhancer that adds mist."""

    def invoke(self, prompt: str, *, max_tokens: int | None = None, remember: bool = True) -> str:
        return prompt.rpartition("Picture: ")[2] + ", mist"

    def close(self) -> None:
        pass

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Artist:
    """Stands in for the runtime. ``fails`` is raised in the middle of a drawing."""

    def __init__(self, path: Path, fails: BaseException | None = None) -> None:
        self.bus = EventBus()
        self.catalog = Catalog(MODEL_REGISTRY, CAPABILITY_TO_MODEL, known_engines().traits)
        self.requests: list[tuple[ImageRequest, str | None]] = []
        self.loads = 0
        self.ended = False
        self._path, self._fails = path, fails

    def resolve(self, capability: ModelCapability) -> Resolution:
        spec = self.catalog.spec(CAPABILITY_TO_MODEL[capability])
        return Resolution(spec, spec)

    def load_specialized_model(
        self, capability: ModelCapability, return_to_primary: bool = True
    ) -> Handle | None:
        self.loads += 1
        return Handle() if self.loads == 1 else None

    def draw(
        self, request: ImageRequest, *, model: str | None = None
    ) -> Generator[Event, None, Drawn]:
        self.requests.append((request, model))
        try:
            for step in (1, 2):
                event = ImageStepped(model="maker/small", owner="x", step=step, steps=2)
                self.bus.publish(event)
                yield event
                if self._fails is not None:
                    raise self._fails
            picture = Picture(self._path / "a cat.png", 7, 64, 64, {"seed": "7"})
            self.bus.publish(
                PictureSaved(
                    model="maker/small",
                    owner="x",
                    path=str(picture.path),
                    width=64,
                    height=64,
                    seconds=0.5,
                    settings=picture.settings,
                )
            )
            return Drawn((picture,), 0.5)
        finally:
            self.ended = True


def test_the_result_has_the_pictures_and_no_step_is_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artist = Artist(tmp_path)
    result = draw_shown(artist, ImageRequest("a cat"), model="maker/small")
    assert artist.requests == [(ImageRequest("a cat"), "maker/small")]
    assert artist.loads == 0
    assert result["pictures"] == [
        {
            "path": str(tmp_path / "a cat.png"),
            "seed": 7,
            "width": 64,
            "height": 64,
            "settings": {"seed": "7"},
        }
    ]
    print_result(result, None, as_json=False)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (f"{tmp_path / 'a cat.png'}\n", "")
    print_result(result, None, as_json=True)
    assert json.loads(capsys.readouterr().out)["drawn_prompt"] == "a cat"


def test_both_prompts_are_enhanced_if_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artist = Artist(tmp_path)
    request = ImageRequest("a cat", second_prompt="gloom")
    result = draw_shown(artist, request, enhance=True)
    assert (result["prompt"], result["drawn_prompt"]) == ("a cat", "a cat, mist")
    assert result["drawn_second_prompt"] == "gloom, mist"
    assert artist.loads == 1
    result = draw_shown(artist, request, enhance=True)
    assert (result["drawn_prompt"], artist.loads) == ("a cat", 2)
    assert "drawing your words as they are" in capsys.readouterr().err


def test_a_model_of_plain_words_gets_the_words_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artist = Artist(tmp_path)
    request = ImageRequest("a blue star on a red background")
    result = draw_shown(artist, request, model=EMBEDDED_ARTIST, enhance=True)
    assert (result["drawn_prompt"], artist.loads) == (request.prompt, 0)
    assert "understands plain words only" in capsys.readouterr().err


@pytest.mark.parametrize(
    "failure",
    [KeyboardInterrupt(), ImageRequestError("m", "no such scheduler"), GenerationError("m", "x")],
)
def test_an_interrupt_or_error_ends_the_drawing_and_goes_on(
    tmp_path: Path, failure: BaseException
) -> None:
    artist = Artist(tmp_path, fails=failure)
    with pytest.raises(type(failure)):
        draw_shown(artist, ImageRequest("a cat"))
    assert artist.ended


def test_sizes_and_adapters(tmp_path: Path) -> None:
    assert _parse_size("512x256") == _parse_size("512×256") == (512, 256)
    assert _parse_size(None) == (None, None)
    file = tmp_path / "style.safetensors"
    file.touch()
    assert _parse_lora(str(file)) == Lora(file)
    assert _parse_lora(f"{file}:0.5") == Lora(file, 0.5)


@pytest.mark.parametrize(
    ("environ", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"LC_TERMINAL": "iTerm2"}, "iterm"),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "tmux-256color", "TMUX": "x", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "dumb", "KITTY_WINDOW_ID": "1"}, None),
        ({}, None),
    ],
)
def test_terminals_are_known_by_what_they_say(environ: dict[str, str], protocol: Any) -> None:
    assert terminal_protocol(is_terminal=True, environ=environ) == protocol
    assert terminal_protocol(is_terminal=False, environ=environ) is None


def png(width: int, height: int, rgb: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + rgb * width) * height)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_picture_goes_into_the_terminal_as_its_file_is(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    data = png(4, 4, b"\xff\0\0") + bytes(5000)
    file.write_bytes(data)
    kitty = picture_in_terminal(file, "kitty")
    pieces = [piece.partition(";") for piece in kitty.strip().split("\x1b\\") if piece]
    assert [keys for keys, _, _ in pieces] == ["\x1b_Ga=T,f=100,m=1", "\x1b_Gm=0"]
    assert b64decode("".join(part for _, _, part in pieces)) == data
    iterm = picture_in_terminal(file, "iterm")
    assert b64decode(iterm.partition("inline=1:")[2].rstrip("\a\n")) == data
    assert picture_in_terminal(tmp_path / "none.png", "kitty") == ""
