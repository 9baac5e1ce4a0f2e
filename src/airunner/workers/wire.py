"""What a launcher and its child process say to each other: one JSON line each way.

The order goes in through the child's standard input, so that the key appears
in no argument list and no environment. The child answers with one ``Ready`` or
``Failed`` line and then only serves. What an order says is each engine's.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SPARE_ARGUMENT = "--spare"
"""Tells a child to import its library at leisure, before the order comes."""

Fault = Literal["load", "damaged", "architecture"]


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


def encode(message: DataclassInstance) -> bytes:
    """One message, an order or an answer, as one line."""
    return json.dumps(asdict(message), default=str).encode() + b"\n"


def decode_answer(line: bytes) -> Ready | Failed:
    """The answer in a line written by ``encode``; a child that said nothing has failed."""
    data: dict[str, Any] = json.loads(line) if line else {"problem": ""}
    return Failed(**data) if "problem" in data else Ready(**data)
