"""What a launcher and its child process say to each other: one line each way.

The order goes in through the child's standard input, so that the key appears
in no argument list and no environment. It is pickled, as nobody but the parent
writes there; the answer is JSON, for the parent need not trust a process that
reads other people's files. The child answers with one ``Ready`` or ``Failed``
line and then only serves.
"""

from __future__ import annotations

import json
import pickle
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

SPARE_ARGUMENT = "--spare"
"""Tells a child to import its library at leisure, before the order comes."""

Fault = Literal["load", "damaged", "architecture"]
PlanT = TypeVar("PlanT")


@dataclass(frozen=True, slots=True)
class Order(Generic[PlanT]):
    """What a child is to load, and the key that it is to ask for. Engines add to it.

    ``folder`` does not exist yet; the child makes it, private, and it goes with the child.
    """

    plan: PlanT
    api_key: str
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded and served at ``url`` by process ``pid``; see ``process.Serving``."""

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


def encode_order(order: Order[Any]) -> bytes:
    """The order as one line."""
    return b64encode(pickle.dumps(order)) + b"\n"


def decode_order(line: bytes) -> Any:
    """The order in a line written by ``encode_order``."""
    return pickle.loads(b64decode(line))


def encode_answer(answer: Ready | Failed) -> bytes:
    """The answer as one line."""
    return json.dumps(asdict(answer)).encode() + b"\n"


def decode_answer(line: bytes) -> Ready | Failed:
    """The answer in a line written by ``encode_answer``; a child that said nothing has failed."""
    data: dict[str, Any] = json.loads(line) if line else {"problem": ""}
    return Failed(**data) if "problem" in data else Ready(**data)
