"""The parking lot: KV states in files, to be put back into a slot later.

They are of conversations that lost their slot, and of the beginning that all
conversations of the same settings share. Owns where the files lie and how much of
each tier may be used; the engine writes and reads them. The first tier is host
memory (a memory file system), the second is disk. When both are full, the state
used longest ago makes room.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar
from uuid import uuid4

from airunner.resources.session_folder import SessionFolder, sweep_stale_folders

TierName = Literal["memory", "disk"]


@dataclass(frozen=True, slots=True)
class SavedState:
    """A KV state in a file. Whether it still fits, the engine checks.

    ``name`` tells states of one kind and model apart.
    """

    model: str
    name: str
    path: Path
    tier: TierName
    n_bytes: int
    tokens: int


class ParkedState(SavedState):
    """A conversation's state; its name is the conversation's."""

    __slots__ = ()


class KeptBeginning(SavedState):
    """A common beginning's state; its name is a digest of what it is made of."""

    __slots__ = ()


StateT = TypeVar("StateT", bound=SavedState)


@dataclass(slots=True)
class Tier:
    """A place for parked states, at most ``quota_bytes`` of them."""

    name: TierName
    folder: SessionFolder
    quota_bytes: int


class ParkingLot:
    """See the module's description. Not thread-safe: used on the manager's loop only."""

    def __init__(self, tiers: tuple[Tier, ...]) -> None:
        self._tiers = tiers
        # In the order of their last use.
        self._states: dict[tuple[type[SavedState], str, str], SavedState] = {}

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be kept here, as where the user wants no parking."""
        return not self._tiers

    def offers(self, n_bytes: int) -> Iterator[tuple[TierName, Path]]:
        """Paths to try for a state of about ``n_bytes``, best first.

        Older states are dropped where the quota demands it, but only from the
        last tier that could take this one: memory spills to disk before
        anything is lost.
        """
        able = [t for t in self._tiers if n_bytes <= t.quota_bytes]
        for tier in able:
            is_last = tier is able[-1]
            if is_last:
                self._drop_oldest(tier, n_bytes)
            # The quota may allow what the file system itself has no room for.
            free_bytes = shutil.disk_usage(tier.folder.path).free
            if n_bytes <= min(free_bytes, tier.quota_bytes - self._used_bytes(tier)):
                yield tier.name, tier.folder.path / f"{uuid4().hex}.kv"

    def keep(self, state: SavedState) -> bool:
        """Enter a state whose file has been written, replacing an older one of the same.

        A state can turn out larger than the offer was for. The quota holds even
        then, at the expense of older states. One that exceeds it alone is not
        kept, and its file is removed.
        """
        self.discard(state)
        tier = next(t for t in self._tiers if t.name == state.tier)
        if state.n_bytes > tier.quota_bytes:
            state.path.unlink(missing_ok=True)
            return False
        self._drop_oldest(tier, state.n_bytes)
        self._states[type(state), state.model, state.name] = state
        return True

    def find(self, model: str, conversation: str) -> ParkedState | None:
        """The parked state of a conversation, if there is one."""
        found = (s for s in self.of_model(model) if s.name == conversation)
        return next(found, None)

    def use_beginning(self, model: str, digest: str) -> KeptBeginning | None:
        """A kept beginning, if it is there; it stays, as the one used last."""
        state = next((s for s in self.beginnings_of(model) if s.name == digest), None)
        if state is not None:
            key = (KeptBeginning, model, digest)
            self._states[key] = self._states.pop(key)
        return state

    def beginnings_of(self, model: str) -> tuple[KeptBeginning, ...]:
        """The kept beginnings of a model, most recently used first."""
        return self._newest_first(KeptBeginning, model)

    def of_model(self, model: str) -> tuple[ParkedState, ...]:
        """The parked conversations of a model, most recently parked first."""
        return self._newest_first(ParkedState, model)

    def parked_bytes(self, model: str) -> int:
        """Bytes parked of a model's conversations."""
        return sum(s.n_bytes for s in self.of_model(model))

    def drop(self, model: str, conversation: str) -> None:
        """Forget what is parked of a conversation and remove its file."""
        if (state := self.find(model, conversation)) is not None:
            self.discard(state)

    def discard(self, state: SavedState) -> None:
        """Forget a state, or what has taken its place, and remove the file."""
        known = self._states.pop((type(state), state.model, state.name), None)
        if known is not None:
            known.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove every file."""
        self._states.clear()
        for tier in self._tiers:
            tier.folder.close()

    def _newest_first(self, kind: type[StateT], model: str) -> tuple[StateT, ...]:
        states = reversed(self._states.values())
        return tuple(s for s in states if isinstance(s, kind) and s.model == model)

    def _used_bytes(self, tier: Tier) -> int:
        return sum(s.n_bytes for s in self._states.values() if s.tier == tier.name)

    def _drop_oldest(self, tier: Tier, n_bytes: int) -> None:
        for state in [s for s in self._states.values() if s.tier == tier.name]:
            if self._used_bytes(tier) + n_bytes <= tier.quota_bytes:
                return
            self.discard(state)


def open_parking_lot(
    home: Path, memory_quota_bytes: int, disk_quota_bytes: int, memory_root: Path
) -> ParkingLot:
    """A lot with a memory tier under ``memory_root`` (if it exists) and a disk tier under ``home``.

    Folders left behind by crashed processes are removed first.

    Raises:
        StorageError: ``home`` cannot be written.
    """
    tiers: list[Tier] = []
    if memory_quota_bytes > 0 and memory_root.is_dir() and os.access(memory_root, os.W_OK):
        sweep_stale_folders(memory_root)
        tiers.append(Tier("memory", SessionFolder(memory_root), memory_quota_bytes))
    if disk_quota_bytes > 0:
        parked = home / "parked"
        sweep_stale_folders(parked)
        tiers.append(Tier("disk", SessionFolder(parked), disk_quota_bytes))
    return ParkingLot(tuple(tiers))
