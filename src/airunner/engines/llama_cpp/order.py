"""What a child process of llama.cpp is told to load; how it crosses is ``workers.wire``'s."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from airunner.engines.base import LoadPlan
from airunner.workers.wire import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaOrder(Order[LoadPlan]):
    """What a child is to load of a language model, and how it is to serve it.

    Slot files go into ``folder``. ``mean_pooling`` is for an embedder whose file does
    not say how to pool. ``llama_server`` is a user's own binary.
    """

    folder: Path
    mean_pooling: bool = False
    llama_server: Path | None = None
