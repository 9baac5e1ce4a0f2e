"""What a child process of llama.cpp is told to load; how it crosses is ``workers.wire``'s."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airunner.engines.base import LoadPlan


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
