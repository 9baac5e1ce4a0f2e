"""The scheduler's memory: every model, every request without an answer, and the books.

Answers questions about them; changes nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from airunner.durations import format_seconds
from airunner.scheduling.eviction import Candidate, eviction_cost_s
from airunner.scheduling.forecast import UseForecast
from airunner.scheduling.inputs import Demand
from airunner.scheduling.ledger import DeviceBudget, Ledger
from airunner.scheduling.lifecycle import Lifecycle
from airunner.scheduling.placement import DeviceView

_LEASES_REMEMBERED = 8
"""How many leases the mean of their lengths follows."""


@dataclass(slots=True)
class ModelRecord:
    """Everything the scheduler knows of one model.

    Attributes:
        key: the load's identity.
        size_bytes: memory needed, by device.
        state: where it is in its lifecycle.
        device: where it is or was last.
        assigned: the only device it may go to, if any.
        leases: owners by request.
        granted_s: when each lease was granted.
        lease_s: how long leases last of late, a guess of 5 s before the first ends.
        pinned: never evicted.
        parked_bytes: saved conversations, off the device.
        load_s: the last measured load time, a guess of 1 s before the first.
        rebuild_s: what its conversations would cost to keep or rebuild.
        served: whether a lease was granted since the last load.
        attempts: failed loads in a row.
    """

    key: str
    size_bytes: dict[str, int] = field(default_factory=dict)
    state: Lifecycle = Lifecycle.COLD
    device: str = ""
    assigned: str | None = None
    leases: dict[str, str] = field(default_factory=dict)
    granted_s: dict[str, float] = field(default_factory=dict)
    lease_s: float = 5.0
    pinned: bool = False
    parked_bytes: int = 0
    load_s: float = 1.0
    rebuild_s: float = 0.0
    served: bool = False
    attempts: int = 0

    def lend(self, request: str, owner: str, now_s: float) -> None:
        """Count a lease."""
        self.leases[request], self.granted_s[request] = owner, now_s

    def take_back(self, request: str, now_s: float) -> None:
        """End a lease."""
        del self.leases[request]
        lasted_s = now_s - self.granted_s.pop(request)
        self.lease_s += (lasted_s - self.lease_s) / _LEASES_REMEMBERED

    def rest_state(self) -> Lifecycle:
        """What the model is once it has left memory."""
        return Lifecycle.PARKED if self.parked_bytes else Lifecycle.COLD


@dataclass(slots=True)
class Waiter:
    """A request without its lease. ``told`` is the last reason it was given for waiting."""

    request: str
    owner: str
    demand: Demand
    returns: bool
    priority: int = 0
    told: str = ""


@dataclass(slots=True)
class Promises:
    """What earlier requests were promised during one walk over the queue.

    ``claimed`` has the models that have to leave, and the highest priority that wants it.
    """

    reserved_bytes: dict[str, int] = field(default_factory=dict)
    claimed: dict[str, int] = field(default_factory=dict)
    memory_wanted: bool = False

    def reserve(self, device: str, size_bytes: int) -> None:
        """Keep memory on a device from every later request."""
        self.reserved_bytes[device] = self.reserved_bytes.get(device, 0) + size_bytes


class Roster:
    """Models, queue and ledger, with the questions the scheduler asks of them."""

    def __init__(self, budgets: Iterable[DeviceBudget]) -> None:
        self.ledger = Ledger(budgets)
        self.models: dict[str, ModelRecord] = {}
        self.queue: list[Waiter] = []
        self.granted: dict[str, str] = {}
        self.primary: str | None = None
        self.primary_owed = False
        self.series: set[str] = set()
        self.forecast = UseForecast()
        self.now_s = 0.0

    def record(self, key: str) -> ModelRecord:
        """A model's record, made on first mention."""
        return self.models.setdefault(key, ModelRecord(key))

    def pin(self, keys: tuple[str, ...]) -> None:
        """Keep these models, and only these, from being evicted."""
        for key in keys:
            self.record(key)
        for record in self.models.values():
            record.pinned = record.key in keys

    def forget(self, key: str) -> None:
        """Drop the record of a deleted model that is away and that nobody waits for."""
        record = self.record(key)
        is_wanted = key == self.primary or any(w.demand.key == key for w in self.queue)
        if not record.state.holds_memory:
            record.parked_bytes, record.state = 0, Lifecycle.COLD
            if not is_wanted:
                del self.models[key]

    def enqueue(self, waiter: Waiter) -> None:
        """Let a request wait behind all of its priority or a higher one."""
        ahead = [i for i, w in enumerate(self.queue) if w.priority >= waiter.priority]
        self.queue.insert(ahead[-1] + 1 if ahead else 0, waiter)

    def queue_s(self) -> float:
        """About how long until everybody who waits has been served, in seconds."""
        wanted = {waiter.demand.key for waiter in self.queue}
        records = [self.models[waiter.demand.key] for waiter in self.queue]
        loads_s = sum(self.models[k].load_s for k in wanted if not self.models[k].state.is_loaded)
        return loads_s + sum(record.lease_s for record in records)

    def wait_s(self, index: int, now_s: float) -> float:
        """About how long until the request at ``index`` of the queue is served, in seconds.

        The loads that are still to come, how long leases of those ahead last of late, and
        where its own model is away, what is left of the leases that others hold now.
        """
        ahead = self.queue[:index]
        own = self.models[self.queue[index].demand.key]
        records = {w.demand.key: self.models[w.demand.key] for w in ahead} | {own.key: own}
        loads_s = sum(r.load_s for r in records.values() if not r.state.is_loaded)
        held_s = [
            record.lease_s - (now_s - granted_s)
            for record in self.models.values()
            for granted_s in record.granted_s.values()
        ]
        rest_s = 0.0 if own.state.is_loaded else max([0.0, *held_s])
        return loads_s + rest_s + sum(self.models[w.demand.key].lease_s for w in ahead)

    def roomiest(self, record: ModelRecord) -> tuple[str, int]:
        """The device that comes closest to having room for a model now, and its free bytes.

        Where it is there already, that is all the room it needs.
        """
        if record.state.holds_memory:
            return record.device, record.size_bytes.get(record.device, 0)
        accounts = self.ledger.accounts
        free = {d: accounts[d].free_bytes for d in record.size_bytes if d in accounts}
        device = max(free, key=lambda d: free[d] - record.size_bytes[d], default=record.device)
        return device, max(0, free.get(device, 0))

    def holds(self, owner: str) -> bool:
        """Whether an owner has any lease."""
        return any(owner in r.leases.values() for r in self.models.values())

    def held_by(self, owner: str) -> tuple[str, ...]:
        """The models an owner has leases on."""
        return tuple(k for k, r in self.models.items() if owner in r.leases.values())

    def wanted(self, record: ModelRecord) -> bool:
        """Whether a request waits for this model."""
        return any(w.demand.key == record.key for w in self.queue)

    def in_motion(self) -> bool:
        """Whether any model is arriving or leaving."""
        return any(r.state.is_arriving or r.state.is_leaving for r in self.models.values())

    def evictable(self, record: ModelRecord) -> bool:
        """Whether a model could be evicted now: idle, or a load that nobody waits for."""
        if record.pinned or record.leases:
            return False
        if record.state is Lifecycle.LOADING:
            return not self.wanted(record)
        return record.state is Lifecycle.READY

    def idle(self, device: str, besides: frozenset[str] = frozenset()) -> tuple[Candidate, ...]:
        """What could be evicted from a device now."""
        return tuple(
            self._candidate(r)
            for r in self._on(device)
            if r.key not in besides and self.evictable(r)
        )

    def stake(self, record: ModelRecord) -> str:
        """In words, what is lost by evicting a model."""
        if record.state is Lifecycle.LOADING:
            return "nobody waits for it"
        back = f"{format_seconds(record.load_s + record.rebuild_s)} to bring back"
        if record.key == self.primary:
            return f"the primary, {back}"
        return f"{self.forecast.likelihood.get(record.key, 0.0):.0%} likely to be next, {back}"

    def leaving_bytes(self, device: str) -> int:
        """Memory that is on its way back."""
        charges = self.ledger.accounts[device].charges
        return sum(charges[r.key] for r in self._on(device) if r.state.is_leaving)

    def views(self, wanted: ModelRecord, promises: Promises, owner: str) -> list[DeviceView]:
        """Every device as a request of ``owner`` for ``wanted`` sees it."""
        return [self._view(device, wanted, promises, owner) for device in self.ledger.accounts]

    def _view(self, device: str, wanted: ModelRecord, promises: Promises, owner: str) -> DeviceView:
        account = self.ledger.accounts[device]
        idle = self.idle(device, frozenset({*promises.claimed, wanted.key}))
        idle_keys = {c.key for c in idle}
        busy: list[Candidate] = []
        own_bytes = 0
        for record in self._on(device):
            if record.key in idle_keys or record.pinned or record.state.is_leaving:
                continue
            if owner and owner in record.leases.values():
                own_bytes += account.charges[record.key]
            else:
                busy.append(self._candidate(record))
        return DeviceView(
            device=device,
            tier=account.tier,
            free_bytes=account.free_bytes,
            leaving_bytes=self.leaving_bytes(device),
            reserved_bytes=promises.reserved_bytes.get(device, 0),
            idle=idle,
            busy=tuple(busy),
            own_busy_bytes=own_bytes,
        )

    def _on(self, device: str) -> list[ModelRecord]:
        return [self.models[key] for key in self.ledger.accounts[device].charges]

    def _candidate(self, record: ModelRecord) -> Candidate:
        size_bytes = self.ledger.accounts[record.device].charges[record.key]
        if record.state is Lifecycle.LOADING:
            return Candidate(record.key, size_bytes, 0.0)  # a load nobody waits for
        cost_s = eviction_cost_s(
            load_s=record.load_s,
            rebuild_s=record.rebuild_s,
            likelihood=self.forecast.likelihood.get(record.key, 0.0),
            is_primary=record.key == self.primary,
        )
        return Candidate(record.key, size_bytes, cost_s)
