"""What a launcher and its child process say to each other: one JSON line each way.

The order goes in through the child's standard input, so that the key appears
in no argument list and no environment. The child answers with one ``Ready`` or
``Failed`` line and then only serves.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from airunner.engines.base import LoadPlan
from airunner.engines.image import ImagePlan

SPARE_ARGUMENT = "--spare"
"""Tells a child to import its library at leisure, before the order comes."""

Fault = Literal["load", "damaged", "architecture"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a child is to load of a language model, and how it is to serve it.

    ``slot_dir`` does not exist yet; the child makes it, private, and removes it.
    ``mean_pooling`` is for an embedder whose file does not say how to pool.
    ``llama_server`` and ``extra_args`` are for a user's own binary.
    """

    plan: LoadPlan
    api_key: str
    slot_dir: Path
    mean_pooling: bool = False
    llama_server: Path | None = None
    extra_args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageOrder:
    """What a child is to load of an image model, and the key it is to ask for."""

    plan: ImagePlan
    api_key: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded and served at ``url`` by process ``pid``."""

    url: str
    load_s: float
    pid: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The model was not loaded.

    llama.cpp's reason is mostly in the log, not in ``problem``; an image worker
    knows it, and ``fault`` says whether the files are to blame.
    """

    problem: str
    fault: Fault = "load"


def encode(message: Order | ImageOrder | Ready | Failed) -> bytes:
    """One message as one line."""
    return json.dumps(asdict(message), default=str).encode() + b"\n"


def decode_order(line: bytes) -> Order:
    """The order in a line written by ``encode``."""
    data: dict[str, Any] = json.loads(line)
    plan = data["plan"]
    plan["path"] = Path(plan["path"])
    plan["mmproj"] = Path(plan["mmproj"]) if plan["mmproj"] else None
    server = data["llama_server"]
    return Order(
        plan=LoadPlan(**plan),
        api_key=data["api_key"],
        slot_dir=Path(data["slot_dir"]),
        mean_pooling=data["mean_pooling"],
        llama_server=Path(server) if server else None,
        extra_args=tuple(data["extra_args"]),
    )


def decode_image_order(line: bytes) -> ImageOrder:
    """The image order in a line written by ``encode``."""
    data: dict[str, Any] = json.loads(line)
    plan = data["plan"]
    plan["path"] = Path(plan["path"])
    return ImageOrder(ImagePlan(**plan), data["api_key"])


def decode_answer(line: bytes) -> Ready | Failed:
    """The answer in a line written by ``encode``; a child that said nothing has failed."""
    data: dict[str, Any] = json.loads(line) if line else {"problem": ""}
    return Failed(**data) if "problem" in data else Ready(**data)
