"""The tokens that a model's slot really holds, read from the state that its engine saves.

Owns an engine that remembers where its newest workers serve, and the comparison of two
contents of a slot. It is llama.cpp as it is shipped: only who asks it for what differs.
"""

from __future__ import annotations

import asyncio
import json
import struct
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from airunner.config.settings import Settings
from airunner.engines.base import LoadPlan
from airunner.engines.connection import WorkerConnection
from airunner.engines.known import known_engines, register_engine
from airunner.engines.llama_cpp.client import LlamaCppModel
from airunner.engines.llama_cpp.descriptor import LlamaCpp
from airunner.engines.llama_cpp.launcher import LocalLauncher
from airunner.engines.llama_cpp.slot_files import borrowed_name
from airunner.engines.silence import SilenceLimits
from airunner.runtime.home import MEMORY_FILE_SYSTEM
from airunner.workers.wire import Order

WATCHED = "watched_llama_cpp"
_MAGIC, _OF_THE_SERVER = b"qsgg", -1


@dataclass(slots=True)
class SlotReader:
    """Reads the first slot of the newest worker of a model. It blocks, even an event loop."""

    places: dict[str, tuple[WorkerConnection, Path]] = field(default_factory=dict)

    def read(self, model: str) -> list[int]:
        """The tokens that the slot holds now, between two generations."""
        folder = MEMORY_FILE_SYSTEM if MEMORY_FILE_SYSTEM.is_dir() else None
        connection, slots = self.places[model]
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            state = Path(scratch, "state")
            with borrowed_name(slots, state) as name:
                _ask(connection, "/slots/0?action=save", {"filename": name})
            return saved_tokens(state)

    def other_tokens(self, model: str, held: Sequence[int], prompt: Sequence[int]) -> int:
        """See ``other_tokens``."""
        connection, _ = self.places[model]

        def text_of(tokens: Sequence[int]) -> str:
            return str(_ask(connection, "/detokenize", {"tokens": list(tokens)})["content"])

        return other_tokens(held, prompt, text_of)


def other_tokens(
    held: Sequence[int], prompt: Sequence[int], text_of: Callable[[Sequence[int]], str]
) -> int:
    """How many of the tokens ``held`` stand in ``prompt`` as the same text, but as other tokens.

    They cannot be re-used: what was computed belongs to the tokens, not to the text.
    """
    same = _alike(held, prompt)
    ours, theirs = held[same:], prompt[same:]
    n_characters = _alike(text_of(ours), text_of(theirs))
    ends = range(len(ours) + 1)
    return bisect_right(ends, n_characters, key=lambda n: len(text_of(ours[:n]))) - 1


def saved_tokens(state: Path) -> list[int]:
    """The token ids at the beginning of a saved state.

    They follow a magic number, a version and their count: ``llama_state_seq_save_file`` in
    llama.cpp. Servers of late 2026 write a list of their own there: -1, a version, the
    number of tokens, the tokens, and what they hold of pictures.
    """
    with state.open("rb") as file:
        magic, _, count = struct.unpack("<4sII", file.read(12))
        words = list(struct.unpack(f"<{count}i", file.read(4 * count)))
    assert magic == _MAGIC, f"no state of a sequence: {magic!r}"
    return words[3 : 3 + words[2]] if words[0] == _OF_THE_SERVER else words


class WatchedLauncher(LocalLauncher):
    """Starts workers as ever, and tells ``reader`` where they are."""

    reader: SlotReader

    def connect(self, order: Order[LoadPlan], connection: WorkerConnection) -> LlamaCppModel:
        """See ``LocalLauncher``."""
        assert order.folder is not None
        self.reader.places[order.plan.model] = connection, order.folder
        return super().connect(order, connection)


class WatchedLlamaCpp(LlamaCpp):
    """The engine of models whose slots are read. ``reader`` is that of the newest runtime."""

    traits = replace(LlamaCpp.traits, name=WATCHED)
    reader: SlotReader

    def launcher(self, settings: Settings, run_dir: Path) -> WatchedLauncher:
        """See ``EngineDescriptor``."""
        limits = SilenceLimits.of(settings)
        launcher = WatchedLauncher(run_dir, settings.llama_server, limits=limits)
        launcher.reader = self.reader = SlotReader()
        return launcher


def watched_engine() -> WatchedLlamaCpp:
    """The engine of this process, registered on first use."""
    engines = known_engines()
    if WATCHED not in engines:
        register_engine(WatchedLlamaCpp())
    engine = engines[WATCHED]
    assert isinstance(engine, WatchedLlamaCpp)
    return engine


def _alike(ours: Sequence[object], theirs: Sequence[object]) -> int:
    """How many items both begin with."""
    pairs = zip(ours, theirs, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _ask(connection: WorkerConnection, path: str, body: dict[str, Any]) -> Any:
    async def asked() -> Any:
        async with connection.asked(path, body) as answer:
            return json.loads(await answer.read())

    # In an event loop of its own, for the one of this thread may be running.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asked()).result()
