"""The parking lot: KV states in files, to be put back into a slot later.

They are of conversations that lost their slot, and of the beginning that all
conversations of the same settings share. Owns where the files lie and how much of
each tier may be used; the engine writes and reads them. The first tier is host
memory (a memory file system), the second is disk, where conversations that last outlive
the process. When both are full, states of conversations that nobody has come back to make
room first, then the state used longest ago.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

from airunner.config.whole_file import whole_file
from airunner.resources.kept_folder import FOLDER, STATE, KeptEntry, KeptFolder, as_hex, chain_of
from airunner.resources.known_conversations import KnownConversations
from airunner.resources.prefixes import Prefixes
from airunner.resources.saved_state import KeptBeginning, ParkedState, SavedState, StateT, TierName
from airunner.resources.session_folder import (
    PREFIX,
    SessionFolder,
    is_writable,
    sweep_stale_folders,
    swept_session_folder,
)

NEW_SHARE = 8
"""One part in so many of each tier is for conversations of one answer.

Nobody can tell a new conversation from a request for a title. They never take the place of
one that somebody has come back to; and a tier that is full of those, as any is in the long
run, would keep no new one until its second turn.
"""


@dataclass(slots=True)
class Tier:
    """A place for parked states, at most ``quota_bytes`` of them."""

    name: TierName
    folder: SessionFolder | KeptFolder
    quota_bytes: int

    @property
    def continued_bytes(self) -> int:
        """Most bytes of conversations that somebody has come back to; see ``NEW_SHARE``."""
        return self.quota_bytes - self.quota_bytes // NEW_SHARE


@dataclass(frozen=True, slots=True)
class Lasting:
    """Which conversations outlast the process.

    They are those of clients, found again by what was said, and ``is_saved`` ones, by id.
    """

    known: KnownConversations
    is_saved: Callable[[str], bool]

    def includes(self, conversation: str) -> bool:
        """Whether somebody could ask for the conversation in another process."""
        return self.known.find(conversation) is not None or self.is_saved(conversation)


class ParkingLot:
    """See the module's description. Not thread-safe: used on the manager's loop only.

    A tier in a ``KeptFolder`` begins with the states there of ``lasting`` conversations,
    and leaves such states behind. ``prefixes`` tells which state a branch can go on from.
    """

    def __init__(self, tiers: tuple[Tier, ...], lasting: Lasting | None = None) -> None:
        self._tiers = tiers
        self._lasting = lasting
        self.prefixes = Prefixes()
        self._open = tiers
        # In the order of their last use.
        self._states: dict[tuple[type[SavedState], str, str], SavedState] = {}
        for tier in tiers:
            if isinstance(tier.folder, KeptFolder):
                self._take_over(tier, tier.folder)

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be kept here, as where the user wants no parking."""
        return not self._tiers

    @property
    def lasting_bytes(self) -> int:
        """Most bytes of states that outlast the process; 0 if none do."""
        return sum(t.quota_bytes for t in self._tiers if isinstance(t.folder, KeptFolder))

    def lasts(self, conversation: str) -> bool:
        """Whether the state of a conversation is worth keeping beyond the process."""
        return self._lasting is not None and self._lasting.includes(conversation)

    def offers(
        self, n_bytes: int, name: str = "", continued: bool = True
    ) -> Iterator[tuple[TierName, Path]]:
        """Paths to try for a state of about ``n_bytes``, best first.

        1. Every tier that has room.
        2. Every tier that has room without conversations that nobody has come back to.
        3. The last tier, without the states used longest ago; not for one that itself is
           not ``continued``. Memory spills to disk before anything is lost.

        A state is only dropped if enough room comes of it.
        """
        able = [t for t in self._open if n_bytes <= t.quota_bytes]
        offered: list[Tier] = []
        for tiers, droppable in (
            (able, _none),
            (able, _left_alone),
            (able[-1:] if continued else [], _left_alone_first),
        ):
            for tier in [t for t in tiers if t not in offered]:
                if not self._make_room(tier, n_bytes, droppable(self._in_tier(tier)), continued):
                    continue
                # The quota may allow what the file system itself has no room for.
                if n_bytes <= shutil.disk_usage(tier.folder.path).free:
                    offered.append(tier)
                    stem = f"{_mark(name)}-{uuid4().hex}"
                    yield tier.name, tier.folder.path / f"{stem}{STATE}"

    def keep(self, state: SavedState) -> bool:
        """Enter a state whose file has been written, replacing an older one of the same.

        A state can turn out larger than the offer was for. The quota holds even
        then, at the expense of older states. One that cannot have the room is not
        kept, and its file is removed.
        """
        self.discard(state)
        tier = self._tier_of(state)
        droppable = _left_alone_first if state.continued else _left_alone
        states = droppable(self._in_tier(tier))
        if not self._make_room(tier, state.n_bytes, states, state.continued):
            state.path.unlink(missing_ok=True)
            return False
        self._states[type(state), state.model, state.name] = state
        if isinstance(state, ParkedState) and isinstance(tier.folder, KeptFolder):
            tier.folder.enter(self._entry(state))
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

    def drop_model(self, model: str) -> None:
        """Forget everything of a model and remove the files."""
        for state in [s for s in self._states.values() if s.model == model]:
            self.discard(state)

    def drop_everywhere(self, conversation: str) -> None:
        """The same for every model."""
        for kind, model, name in list(self._states):
            if kind is ParkedState and name == conversation:
                self.drop(model, name)

    def discard(self, state: SavedState) -> None:
        """Forget a state, or what has taken its place, and remove the file."""
        known = self._states.pop((type(state), state.model, state.name), None)
        if known is None:
            return
        folder = self._tier_of(known).folder
        if isinstance(folder, KeptFolder):
            folder.forget(known.path)
        known.path.unlink(missing_ok=True)

    def in_memory(self) -> tuple[ParkedState, ...]:
        """The conversations that lie in the first tier, most recently parked first."""
        states = reversed(self._states.values())
        return tuple(s for s in states if isinstance(s, ParkedState) and s.tier == "memory")

    def begin_to_close(self) -> None:
        """Offer places that outlast the process, and no others, from now on."""
        self._open = tuple(t for t in self._tiers if isinstance(t.folder, KeptFolder))

    def move(self, state: ParkedState) -> None:
        """Move a state to a place that is offered, if there is one."""
        for tier, path in self.offers(state.n_bytes, state.name, state.continued):
            with suppress(OSError):
                with whole_file(path) as part:
                    shutil.copyfile(state.path, part)
                self.keep(replace(state, tier=tier, path=path))
                return

    def close(self) -> None:
        """Remove every file, but those of conversations that outlast the process."""
        for state in list(self._states.values()):
            folder = self._tier_of(state).folder
            stays = isinstance(state, ParkedState) and self.lasts(state.name)
            if isinstance(folder, KeptFolder) and not stays:
                self.discard(state)
        self._states.clear()
        for tier in self._tiers:
            tier.folder.close()

    def _take_over(self, tier: Tier, folder: KeptFolder) -> None:
        for entry in folder.entries():
            path = folder.path / f"{entry.stem}{STATE}"
            state = ParkedState(
                entry.model,
                entry.name,
                path,
                tier.name,
                entry.n_bytes,
                entry.tokens,
                entry.continued,
            )
            self.discard(state)
            self._states[ParkedState, state.model, state.name] = state
            if self._lasting is None or not self._recall(entry, self._lasting):
                self.discard(state)
        self._make_room(tier, 0, _left_alone_first(self._in_tier(tier)))

    def _recall(self, entry: KeptEntry, lasting: Lasting) -> bool:
        if not entry.chain and not lasting.is_saved(entry.name):
            return False
        if entry.chain:
            lasting.known.recall(entry.name, entry.asked_model, chain_of(entry.chain), entry.begun)
        self.prefixes.recall(entry.model, entry.name, chain_of(entry.said))
        return True

    def _entry(self, state: ParkedState) -> KeptEntry:
        known = self._lasting.known.find(state.name) if self._lasting else None
        return KeptEntry(
            stem=state.path.stem,
            model=state.model,
            name=state.name,
            n_bytes=state.n_bytes,
            tokens=state.tokens,
            continued=state.continued,
            asked_model=known.model if known else "",
            chain=as_hex(known.chain) if known else (),
            begun=known.begun if known else 0,
            said=as_hex(self.prefixes.said(state.model, state.name)),
        )

    def _newest_first(self, kind: type[StateT], model: str) -> tuple[StateT, ...]:
        states = reversed(self._states.values())
        return tuple(s for s in states if isinstance(s, kind) and s.model == model)

    def _tier_of(self, state: SavedState) -> Tier:
        return next(t for t in self._tiers if t.name == state.tier)

    def _in_tier(self, tier: Tier) -> list[SavedState]:
        return [s for s in self._states.values() if s.tier == tier.name]

    def _make_room(
        self, tier: Tier, n_bytes: int, droppable: Sequence[SavedState], continued: bool = True
    ) -> bool:
        """Whether a state of ``n_bytes`` has room, once as few are dropped as it takes."""
        dropped: list[SavedState] = []
        for only_continued in (True, False) if continued else (False,):
            counted = [s for s in self._in_tier(tier) if s.continued or not only_continued]
            limit_bytes = tier.continued_bytes if only_continued else tier.quota_bytes
            left = [s for s in counted if s not in dropped]
            excess_bytes = sum(s.n_bytes for s in left) + n_bytes - limit_bytes
            for state in [s for s in droppable if s in left]:
                if excess_bytes <= 0:
                    break
                dropped.append(state)
                excess_bytes -= state.n_bytes
            if excess_bytes > 0:
                return False
        for state in dropped:
            self.discard(state)
        return True


def _none(_: Sequence[SavedState]) -> list[SavedState]:
    return []


def _left_alone(states: Sequence[SavedState]) -> list[SavedState]:
    return [state for state in states if not state.continued]


def _left_alone_first(states: Sequence[SavedState]) -> list[SavedState]:
    return sorted(states, key=lambda state: state.continued)


def open_parking_lot(
    home: Path,
    memory_quota_bytes: int,
    disk_quota_bytes: int,
    memory_root: Path,
    lasting: Lasting | None = None,
) -> ParkingLot:
    """A lot with a memory tier under ``memory_root`` and a disk tier under ``home``.

    There is no tier where nothing can be written.

    Folders left behind by crashed processes are removed first. With ``lasting``, the disk
    tier is what other processes of ``home`` left and will find, unless one of them has it
    now. Without, or with no room on disk, such states are removed.

    Raises:
        StorageError: ``home`` is full.
    """
    tiers: list[Tier] = []
    if memory_quota_bytes > 0 and memory_root.is_dir() and os.access(memory_root, os.W_OK):
        tiers.append(Tier("memory", swept_session_folder(memory_root), memory_quota_bytes))
    parked = home / "parked"
    if lasting is None or disk_quota_bytes == 0:
        _remove_kept(parked)
    if disk_quota_bytes > 0 and is_writable(home):
        sweep_stale_folders(parked)
        kept = KeptFolder.open(parked) if lasting else None
        tiers.append(Tier("disk", kept or SessionFolder(parked), disk_quota_bytes))
    return ParkingLot(tuple(tiers), lasting)


def remove_states(home: Path, memory_root: Path, conversation: str) -> None:
    """Remove the states of a conversation that any process of ``home`` has parked.

    A process that has one reads the conversation again instead.
    """
    for folder in (*(home / "parked").glob("*"), *memory_root.glob(f"{PREFIX}*")):
        with suppress(OSError):
            for file in sorted(folder.glob(f"{_mark(conversation)}-*")):  # the entry first
                file.unlink(missing_ok=True)


def remove_model_states(home: Path, model: str) -> None:
    """Remove what no process of ``home`` has now of a model that was deleted."""
    parked = home / "parked"
    if not (parked / FOLDER).is_dir() or (kept := KeptFolder.open(parked)) is None:
        return  # whoever has it removes it
    for entry in kept.entries():
        if entry.model == model:
            state = kept.path / f"{entry.stem}{STATE}"
            kept.forget(state)
            state.unlink(missing_ok=True)
    kept.close()


def _remove_kept(parked: Path) -> None:
    if (parked / FOLDER).is_dir() and (kept := KeptFolder.open(parked)) is not None:
        ParkingLot((Tier("disk", kept, 0),)).close()


def _mark(name: str) -> str:
    """What the files of one conversation's states begin with."""
    return blake2b(name.encode(), digest_size=8).hexdigest()
