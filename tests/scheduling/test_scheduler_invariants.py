"""Thousands of random operations against the scheduler, with its promises checked after each."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from airunner.scheduling import inputs
from airunner.scheduling.effects import (
    Effect,
    GiveUp,
    Grant,
    Park,
    ReadAhead,
    Refuse,
    Restore,
    StartLoad,
    Stop,
)
from airunner.scheduling.inputs import Demand, input_from_json
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.lifecycle import Lifecycle
from airunner.scheduling.scheduler import Scheduler

BUDGETS = (DeviceBudget("gpu:0", 100), DeviceBudget("gpu:1", 60), DeviceBudget("cpu", 150, tier=1))
SIZES = {
    "primary": {"gpu:0": 70, "gpu:1": 70, "cpu": 70},
    "small": {"gpu:0": 20, "gpu:1": 20, "cpu": 25},
    "coder": {"gpu:0": 65, "cpu": 65},
    "twin": {"gpu:0": 45, "gpu:1": 45},
    "cpu-only": {"cpu": 120},
    "giant": {"gpu:0": 500, "cpu": 500},
}
PRIMARY = "primary"


class World(RuleBasedStateMachine):
    """A manager without models: it performs effects in any order hypothesis likes."""

    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.count = 0
        self.pending: list[Effect] = []
        self.asked: set[str] = set()
        self.answered: set[str] = set()
        self.leased: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.broken: set[str] = set()
        self.log: list[tuple[dict, list[Effect]]] = []
        self.scheduler = Scheduler(BUDGETS, queue_limit=12)
        self.tell(inputs.PrimaryChanged(now_s=0, demand=Demand(PRIMARY, SIZES[PRIMARY])))

    def tell(self, event: inputs.Input) -> None:
        effects = self.scheduler.step(event)
        self.log.append((event.as_json(), effects))
        for effect in effects:
            match effect:
                case Grant(request=request, key=key):
                    assert request in self.asked - self.answered, "granted twice or unasked"
                    self.answered.add(request)
                    self.leased[request] = key
                case Refuse(request=request):
                    assert request in self.asked - self.answered, "refused twice or unasked"
                    self.answered.add(request)
                case Park(key=key):
                    assert key not in self.leased.values(), f"{key} was evicted under a lease"
                    self.pending.append(effect)
                case Stop(key=key):
                    assert key not in self.leased.values(), f"{key} was stopped under a lease"
                    # A stop overtakes the load it aborts.
                    self.pending = [
                        p for p in self.pending if not (isinstance(p, StartLoad) and p.key == key)
                    ]
                    self.pending.append(effect)
                case StartLoad() | Restore():
                    self.pending.append(effect)

    def tick(self) -> float:
        self.now += 1.0
        return self.now

    @rule(
        target=requests,
        key=st.sampled_from(sorted(SIZES)),
        owner=st.sampled_from(["a", "b", "c", ""]),
        returns=st.booleans(),
        priority=st.sampled_from([0, 0, 1, -1]),
    )
    def ask(self, key: str, owner: str, returns: bool, priority: int) -> str:
        self.count += 1
        request = f"r{self.count}"
        self.asked.add(request)
        self.owners[request] = owner or request
        self.tell(
            inputs.LeaseAsked(
                now_s=self.tick(),
                request=request,
                owner=self.owners[request],
                demand=Demand(key, SIZES[key]),
                returns=returns,
                priority=priority,
            )
        )
        return request

    @rule(key=st.sampled_from(sorted(SIZES)), owner=st.sampled_from(["a", "b"]))
    def expect(self, key: str, owner: str) -> None:
        """Reading ahead is all that it leads to; no memory, state, queue or debt changes."""
        before = self.state()
        demand = Demand(key, SIZES[key])
        self.tell(inputs.Expected(now_s=self.tick(), owner=owner, demand=demand))
        assert self.state() == before
        effects = self.log[-1][1]
        assert [(type(e), e.key) for e in effects] in ([], [(ReadAhead, key)])
        if effects:
            record = self.scheduler.roster.models.get(key)
            assert record is None or record.state is Lifecycle.COLD
            assert effects[0].device in SIZES[key]

    def state(self) -> dict[str, Any]:
        """Everything the scheduler remembers but the time."""
        roster = deepcopy(vars(self.scheduler.roster))
        del roster["now_s"]
        roster["ledger"] = dict(roster["ledger"].accounts)
        return roster

    @rule(request=consumes(requests))
    def give_back(self, request: str) -> None:
        if request in self.leased:
            del self.leased[request]
            self.tell(inputs.LeaseReturned(now_s=self.tick(), request=request, rebuild_s=0.5))
        else:
            self.answered.add(request)
            self.tell(inputs.LeaseCancelled(now_s=self.tick(), request=request))

    @rule(index=st.integers(0, 20), outcome=st.sampled_from(["ok", "ok", "ok", "flaky", "broken"]))
    def perform(self, index: int, outcome: str) -> None:
        if self.pending:
            self.finish(self.pending.pop(index % len(self.pending)), outcome)

    def finish(self, effect: Effect, outcome: str = "ok") -> None:
        now = self.tick()
        match effect:
            case StartLoad(key=key, needed_bytes=needed):
                if outcome == "ok":
                    self.tell(
                        inputs.LoadFinished(now_s=now, key=key, held_bytes=needed, load_s=1.0)
                    )
                else:
                    self.tell(
                        inputs.LoadFailed(
                            now_s=now, key=key, problem="x", retryable=outcome == "flaky"
                        )
                    )
            case Restore(key=key):
                self.tell(inputs.RestoreFinished(now_s=now, key=key))
            case Park(key=key):
                parked = 0 if outcome == "broken" else 1000
                self.tell(inputs.ParkFinished(now_s=now, key=key, parked_bytes=parked))
            case Stop(key=key):
                self.tell(inputs.StopFinished(now_s=now, key=key))

    @rule(key=st.sampled_from(sorted(SIZES)), parked=st.sampled_from([0, 10]))
    def die(self, key: str, parked: int) -> None:
        record = self.scheduler.roster.models.get(key)
        if record is None or not (record.state.is_loaded or record.state is Lifecycle.RESTORING):
            return
        self.leased = {r: k for r, k in self.leased.items() if k != key}
        self.pending = [p for p in self.pending if p.key != key]
        self.tell(
            inputs.WorkerLost(now_s=self.tick(), key=key, problem="killed", parked_bytes=parked)
        )

    @rule(keys=st.sets(st.sampled_from(["small", "twin"]), max_size=1))
    def pin(self, keys: set[str]) -> None:
        self.tell(inputs.PinsChanged(now_s=self.tick(), keys=tuple(sorted(keys))))

    @rule(device=st.sampled_from([None, "gpu:0", "cpu"]))
    def assign(self, device: str | None) -> None:
        self.tell(inputs.DeviceAssigned(now_s=self.tick(), key="small", device=device))

    @rule(key=st.sampled_from(sorted(SIZES)))
    def unload(self, key: str) -> None:
        self.tell(inputs.UnloadAsked(now_s=self.tick(), key=key))

    @rule(key=st.sampled_from(sorted(SIZES)))
    def remove(self, key: str) -> None:
        self.tell(inputs.ModelRemoved(now_s=self.tick(), key=key))
        record = self.scheduler.roster.models.get(key)
        assert record is None or record.state.holds_memory or not record.parked_bytes

    @rule(series=st.sampled_from(["s1", "s2"]), begins=st.booleans())
    def series(self, series: str, begins: bool) -> None:
        kind = inputs.SeriesBegan if begins else inputs.SeriesEnded
        self.tell(kind(now_s=self.tick(), series=series))

    @rule()
    def settle(self) -> None:
        """Everybody finishes: then nobody waits, nothing moves, and the primary is back."""
        for series in sorted(self.scheduler.roster.series):
            self.tell(inputs.SeriesEnded(now_s=self.tick(), series=series))
        for _ in range(500):
            if self.pending:
                self.finish(self.pending.pop(0))
            elif self.leased:
                # Whoever waits is stuck in that wait: only the others can finish their work.
                waiting = {self.owners[r] for r in self.asked - self.answered}
                free = [r for r in self.leased if self.owners[r] not in waiting]
                assert free, "everybody waits for somebody else"
                request = free[0]
                del self.leased[request]
                self.tell(inputs.LeaseReturned(now_s=self.tick(), request=request))
            else:
                break
        assert not self.pending
        assert self.asked == self.answered, "a request was never answered"
        roster = self.scheduler.roster
        assert not roster.queue
        assert not roster.in_motion()
        if roster.primary_owed:
            pinned = [r.key for r in roster.models.values() if r.pinned and r.state.holds_memory]
            assert pinned, "the primary is owed, nothing is pinned, and nobody brings it back"

    @invariant()
    def books_balance(self) -> None:
        roster = self.scheduler.roster
        for device, account in roster.ledger.accounts.items():
            assert account.held_bytes <= account.budget_bytes, f"{device} is over its budget"
        for record in roster.models.values():
            charged = [d for d, a in roster.ledger.accounts.items() if record.key in a.charges]
            assert charged == ([record.device] if record.state.holds_memory else [])
            assert bool(record.leases) == (record.state is Lifecycle.BUSY)
        if self.leased and roster.queue:
            return
        # With nothing leased and nothing in motion, nobody may be left waiting.
        if not self.pending:
            assert not roster.queue

    def teardown(self) -> None:
        """Whatever happened, replaying the recorded inputs decides the same again."""
        again = Scheduler(BUDGETS, queue_limit=12)
        for record, effects in self.log:
            assert again.step(input_from_json(record)) == effects


TestScheduler = World.TestCase
TestScheduler.settings = settings(
    max_examples=120,
    stateful_step_count=60,
)


def test_a_primary_that_cannot_return_is_given_up_aloud() -> None:
    """Three failed loads, and the next caller hears the reason."""
    scheduler = Scheduler([DeviceBudget("cpu", 100)])
    primary, other = Demand("p", {"cpu": 80}), Demand("s", {"cpu": 60})

    def ask(request: str, demand: Demand) -> list[Effect]:
        return scheduler.step(
            inputs.LeaseAsked(now_s=0, request=request, owner=request, demand=demand)
        )

    def loaded(key: str) -> list[Effect]:
        return scheduler.step(inputs.LoadFinished(now_s=0, key=key, held_bytes=60, load_s=1))

    scheduler.step(inputs.PrimaryChanged(now_s=0, demand=primary))
    ask("1", primary)
    loaded("p")
    scheduler.step(inputs.LeaseReturned(now_s=0, request="1"))
    ask("2", other)
    (stop,) = scheduler.step(inputs.ParkFinished(now_s=0, key="p", parked_bytes=5))
    assert stop.reason == "its conversations are safe"
    scheduler.step(inputs.StopFinished(now_s=0, key="p"))
    loaded("s")
    scheduler.step(inputs.LeaseReturned(now_s=0, request="2"))
    (stop,) = scheduler.step(inputs.ParkFinished(now_s=0, key="s", parked_bytes=0))
    assert stop.reason == "nothing of it is kept", "as of a model that draws"
    effects = scheduler.step(inputs.StopFinished(now_s=0, key="s"))
    for _ in range(2):
        assert [type(e) for e in effects] == [StartLoad]
        effects = scheduler.step(
            inputs.LoadFailed(now_s=0, key="p", problem="no memory", retryable=True)
        )
    effects = scheduler.step(
        inputs.LoadFailed(now_s=0, key="p", problem="no memory", retryable=True)
    )
    assert [type(e) for e in effects] == [GiveUp]
    assert isinstance(ask("3", primary)[0], StartLoad)
    refused = scheduler.step(
        inputs.LoadFailed(now_s=0, key="p", problem="still none", retryable=False)
    )
    assert isinstance(refused[0], Refuse)
    assert refused[0].reason == "still none"


def test_two_owners_who_wait_for_each_other_are_told() -> None:
    """The younger request is refused, so the older one's turn can come."""
    scheduler = Scheduler([DeviceBudget("cpu", 100)])

    def ask(request: str, owner: str, key: str, size: int) -> list[Effect]:
        demand = Demand(key, {"cpu": size})
        return scheduler.step(
            inputs.LeaseAsked(now_s=0, request=request, owner=owner, demand=demand)
        )

    for request, owner, key, size in (("1", "a", "x", 60), ("2", "b", "y", 40)):
        ask(request, owner, key, size)
        scheduler.step(inputs.LoadFinished(now_s=0, key=key, held_bytes=size, load_s=1))
    assert [type(e).__name__ for e in ask("3", "a", "z", 40)] == ["Hold"]
    refusal = ask("4", "b", "w", 60)[-1]
    assert isinstance(refusal, Refuse)
    assert (refusal.request, refusal.cause, refusal.blockers) == ("4", "deadlock", ("y",))
    effects = scheduler.step(inputs.LeaseReturned(now_s=0, request="2"))
    assert isinstance(effects[0], Park)
    assert effects[0].key == "y"
