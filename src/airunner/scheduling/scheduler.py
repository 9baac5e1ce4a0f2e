"""The scheduler: who is loaded, when and where, as a pure state machine.

Inputs in, effects out. It is the only writer of every model's lifecycle, of the
ledger and of the queue, and has nothing else: no clock, no thread, no file, no
process. The manager performs the effects and reports back, so that any recorded
run can be replayed.

One pass after every input:

1. Serve the queue, by priority and then in order of arrival. For each request:
   1. its model is loaded: grant, unless an earlier request waits for that
      model to be evicted (whoever already holds a lease may always go on, or
      two owners could wait for each other). A model that arrives serves all
      that wait for it by then, also before earlier requests of their priority:
      a swap for each such turn and not for each request, and every turn ends;
   2. its model is arriving or leaving: wait;
   3. its model is away: place it. Fits: start the load. Fits after evicting
      idle models: evict the cheapest set. Fits after users are done: wait, and
      claim those models. Never, because the requester itself is in the way:
      refuse as a deadlock. Never at all: refuse with the byte deficit.
   Whatever a request is promised is reserved against all later ones.
2. If nobody can ever move again, refuse the youngest request of an owner that
   holds a lease, and serve once more.
3. Bring a device that is over its budget back under it.
4. If no request waits for memory, no series of models is under way, and the
   primary is owed, bring it back.

An expectation is no request, so no pass follows it: it can have a file read
ahead, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airunner.scheduling import inputs
from airunner.scheduling.effects import (
    Effect,
    GiveUp,
    Grant,
    Hold,
    Park,
    Refuse,
    Restore,
    StartLoad,
    Stop,
)
from airunner.scheduling.eviction import cheapest_sufficient
from airunner.scheduling.expectation import read_ahead
from airunner.scheduling.inputs import Demand, Input
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.lifecycle import Lifecycle
from airunner.scheduling.placement import DeviceView, Outcome, Placement, place
from airunner.scheduling.roster import ModelRecord, Promises, Roster, Waiter

LOAD_ATTEMPTS = 3
"""Loads tried in a row before a model is FAILED and its callers are told."""


class Scheduler:
    """See the module's description. ``step`` is the only way to change anything."""

    def __init__(self, budgets: Iterable[DeviceBudget], queue_limit: int = 256) -> None:
        self._roster = Roster(budgets)
        self.queue_limit = queue_limit
        self._effects: list[Effect] = []
        self._arrived_key = ""

    @property
    def roster(self) -> Roster:
        """Everything known, for reports and tests. Read only."""
        return self._roster

    def step(self, event: Input) -> list[Effect]:
        """Take one input and return what is to be done about it, in order."""
        self._effects, self._arrived_key = [], ""
        self._roster.now_s = max(self._roster.now_s, event.now_s)
        match event:
            case inputs.Expected():
                return read_ahead(self._roster, event)
            case inputs.LeaseAsked():
                self._lease_asked(event)
            case inputs.LeaseReturned():
                self._lease_ended(event.request, event.rebuild_s)
            case inputs.LeaseCancelled():
                self._lease_cancelled(event.request)
            case inputs.SeriesBegan():
                self._roster.series.add(event.series)
            case inputs.SeriesEnded():
                self._roster.series.discard(event.series)
            case inputs.LoadFinished():
                self._load_finished(event)
            case inputs.LoadFailed():
                self._load_failed(event)
            case inputs.RestoreFinished():
                self._restore_finished(event)
            case inputs.ParkFinished():
                self._park_finished(event)
            case inputs.StopFinished():
                self._stop_finished(event)
            case inputs.WorkerLost():
                self._worker_lost(event)
            case inputs.BudgetMeasured():
                self._roster.ledger.set_budget(event.device, event.budget_bytes)
            case inputs.PinsChanged():
                self._roster.pin(event.keys)
            case inputs.DeviceAssigned():
                self._roster.record(event.key).assigned = event.device
            case inputs.PrimaryChanged():
                self._primary_changed(event.demand)
            case inputs.UnloadAsked():
                self._unload_asked(event)
            case inputs.ModelRemoved():
                self._roster.forget(event.key)
            case _:
                raise TypeError(f"not a scheduler input: {event!r}")
        self._serve()
        return self._effects

    # One method per input.

    def _lease_asked(self, event: inputs.LeaseAsked) -> None:
        record = self._roster.record(event.demand.key)
        record.size_bytes = dict(event.demand.size_bytes)
        if record.state is Lifecycle.FAILED:
            record.state, record.attempts = record.rest_state(), 0
        waiter = Waiter(event.request, event.owner, event.demand, event.returns, event.priority)
        waiting = len(self._roster.queue)
        if waiting >= self.queue_limit:
            self._refuse_newcomer(waiter, record, f"{waiting} requests are waiting already")
        else:
            self._roster.enqueue(waiter)

    def _lease_ended(self, request: str, rebuild_s: float | None) -> None:
        key = self._roster.granted.pop(request, None)
        if key is None:
            return
        record = self._roster.models[key]
        record.take_back(request, self._roster.now_s)
        if rebuild_s is not None:
            record.rebuild_s = rebuild_s
        if not record.leases:
            record.state = Lifecycle.READY

    def _lease_cancelled(self, request: str) -> None:
        self._roster.queue = [w for w in self._roster.queue if w.request != request]
        self._lease_ended(request, None)

    def _load_finished(self, event: inputs.LoadFinished) -> None:
        record = self._roster.models[event.key]
        if record.state is not Lifecycle.LOADING:
            return  # stopped meanwhile; StopFinished follows
        record.attempts, record.load_s, record.served = 0, event.load_s, False
        self._roster.ledger.charge(record.device, record.key, event.held_bytes)
        if record.parked_bytes:
            record.state = Lifecycle.RESTORING
            self._emit(Restore, record, f"{record.parked_bytes:,} bytes are parked")
        else:
            self._arrived(record)

    def _load_failed(self, event: inputs.LoadFailed) -> None:
        record = self._roster.models[event.key]
        if record.state is not Lifecycle.LOADING:
            return
        self._roster.ledger.discharge(record.device, record.key)
        record.attempts += 1
        if event.retryable and record.attempts < LOAD_ATTEMPTS:
            record.state = record.rest_state()
            return
        record.state = Lifecycle.FAILED
        for waiter in [w for w in self._roster.queue if w.demand.key == record.key]:
            self._refuse(waiter, event.problem, cause="load_failed")
        if record.key == self._roster.primary and self._roster.primary_owed:
            self._roster.primary_owed = False
            self._emit(GiveUp, record, event.problem)

    def _restore_finished(self, event: inputs.RestoreFinished) -> None:
        record = self._roster.models[event.key]
        if record.state is Lifecycle.RESTORING:
            record.parked_bytes = 0
            self._arrived(record)

    def _arrived(self, record: ModelRecord) -> None:
        record.state, self._arrived_key = Lifecycle.READY, record.key
        if record.key == self._roster.primary:
            self._roster.primary_owed = False

    def _park_finished(self, event: inputs.ParkFinished) -> None:
        record = self._roster.models[event.key]
        if record.state is Lifecycle.PARKING:
            record.state, record.parked_bytes = Lifecycle.STOPPING, event.parked_bytes
            is_kept = bool(event.parked_bytes)
            reason = "its conversations are safe" if is_kept else "nothing of it is kept"
            self._emit(Stop, record, reason)

    def _stop_finished(self, event: inputs.StopFinished) -> None:
        record = self._roster.models[event.key]
        if record.state is Lifecycle.STOPPING:
            self._roster.ledger.discharge(record.device, record.key, event.missing_bytes)
            record.state = record.rest_state()

    def _worker_lost(self, event: inputs.WorkerLost) -> None:
        record = self._roster.models[event.key]
        if not record.state.holds_memory or record.state is Lifecycle.STOPPING:
            return
        self._roster.ledger.discharge(record.device, record.key)
        for request in record.leases:
            self._roster.granted.pop(request, None)
        record.leases.clear()
        record.granted_s.clear()
        record.parked_bytes = event.parked_bytes
        record.state = record.rest_state()
        # A primary that dies before it served anyone would die again: leave it to the next caller.
        if record.key == self._roster.primary and record.served:
            self._roster.primary_owed = True

    def _primary_changed(self, demand: Demand) -> None:
        if demand.key != self._roster.primary:
            self._roster.primary_owed = False
        self._roster.primary = demand.key
        self._roster.record(demand.key).size_bytes = dict(demand.size_bytes)

    def _unload_asked(self, event: inputs.UnloadAsked) -> None:
        record = self._roster.record(event.key)
        if event.key == self._roster.primary:
            self._roster.primary_owed = False
        if self._roster.evictable(record):
            self._evict(record, event.reason, owes=False)

    # The pass.

    def _serve(self) -> None:
        promises = self._serve_queue()
        while self._break_deadlock():
            promises = self._serve_queue()
        self._shrink_to_budget()
        self._return_primary(promises)

    def _serve_queue(self) -> Promises:
        promises = Promises()
        for waiter in list(self._roster.queue):
            record = self._roster.models[waiter.demand.key]
            if record.state.is_loaded:
                self._grant_in_turn(waiter, record, promises)
            elif record.state.is_arriving or record.state.is_leaving:
                promises.memory_wanted |= record.state.is_leaving
                self._hold(waiter, f"the model is {record.state}")
            else:
                promises.memory_wanted = True
                self._place(waiter, record, promises)
        return promises

    def _grant_in_turn(self, waiter: Waiter, record: ModelRecord, promises: Promises) -> None:
        claimed = promises.claimed.get(record.key)
        in_turn = record.key == self._arrived_key and waiter.priority == claimed
        if claimed is not None and not in_turn and not self._roster.holds(waiter.owner):
            self._hold(waiter, "an earlier request waits for this model to leave")
            return
        self._roster.queue.remove(waiter)
        self._roster.granted[waiter.request] = record.key
        record.lend(waiter.request, waiter.owner, self._roster.now_s)
        record.state, record.served = Lifecycle.BUSY, True
        self._roster.forecast = self._roster.forecast.after_use(record.key)
        self._emit(Grant, record, "loaded", request=waiter.request)

    def _place(self, waiter: Waiter, record: ModelRecord, promises: Promises) -> None:
        views = self._roster.views(record, promises, waiter.owner)
        found = place(record.size_bytes, views, record.assigned)
        if found.outcome is Outcome.NEVER:
            self._refuse_unplaceable(waiter, found, views)
            return
        if found.outcome is Outcome.FITS:
            self._start_load(record, found.device, "asked for, and it fits")
            return
        promises.reserve(found.device, found.needed_bytes)
        for each in found.drain:
            promises.claimed.setdefault(each.key, waiter.priority)
        self._make_room(record, found, owes=waiter.returns)
        if found.drain:
            reason = f"waiting for {', '.join(c.key for c in found.drain)}"
        elif self._roster.leaving_bytes(found.device):
            reason = "memory is being freed"
        else:
            reason = "waiting for memory promised to earlier requests"
        self._hold(waiter, reason, found.device)

    def _break_deadlock(self) -> bool:
        """Refuse a request if nothing moves and every lease belongs to an owner who waits."""
        if not self._roster.queue or self._roster.in_motion():
            return False
        waiting = {w.owner for w in self._roster.queue}
        holding = {o for r in self._roster.models.values() for o in r.leases.values()}
        if not holding or not holding <= waiting:
            return False
        youngest = next(w for w in reversed(self._roster.queue) if w.owner in holding)
        blockers = self._roster.held_by(youngest.owner)
        self._refuse(youngest, "every holder waits", cause="deadlock", blockers=blockers)
        return True

    def _shrink_to_budget(self) -> None:
        for device, account in self._roster.ledger.accounts.items():
            over_bytes = -(account.free_bytes + self._roster.leaving_bytes(device))
            idle = self._roster.idle(device)
            possible_bytes = min(over_bytes, sum(c.size_bytes for c in idle))
            for victim in cheapest_sufficient(idle, possible_bytes) or ():
                record = self._roster.models[victim.key]
                reason = f"the device is over its budget; {self._roster.stake(record)}"
                self._evict(record, reason, owes=True)

    def _return_primary(self, promises: Promises) -> None:
        if self._roster.primary is None or not self._roster.primary_owed:
            return
        record = self._roster.models[self._roster.primary]
        away = record.state in (Lifecycle.COLD, Lifecycle.PARKED)
        if promises.memory_wanted or self._roster.series or not away:
            return
        views = self._roster.views(record, promises, owner="")
        found = place(record.size_bytes, views, record.assigned)
        if found.outcome is Outcome.FITS:
            self._start_load(record, found.device, "the primary returns")
        elif found.outcome is Outcome.FITS_AFTER_EVICTION:
            self._make_room(record, found, owes=False)

    # Transitions.

    def _start_load(self, record: ModelRecord, device: str, reason: str) -> None:
        record.state, record.device = Lifecycle.LOADING, device
        self._roster.ledger.charge(device, record.key, record.size_bytes[device])
        self._emit(StartLoad, record, reason)

    def _make_room(self, record: ModelRecord, found: Placement, owes: bool) -> None:
        reason = f"makes room for {record.key}, which needs {found.needed_bytes:,} bytes"
        for victim in found.evict:
            leaving = self._roster.models[victim.key]
            self._evict(leaving, f"{reason}; {self._roster.stake(leaving)}", owes)

    def _evict(self, record: ModelRecord, reason: str, owes: bool) -> None:
        if record.key == self._roster.primary and owes:
            self._roster.primary_owed = True
        if record.state is Lifecycle.LOADING:
            record.state = Lifecycle.STOPPING
            self._emit(Stop, record, reason)
        else:
            record.state = Lifecycle.PARKING
            self._emit(Park, record, reason)

    def _hold(self, waiter: Waiter, reason: str, device: str = "") -> None:
        if waiter.told != reason:
            waiter.told = reason
            record = self._roster.models[waiter.demand.key]
            self._emit(Hold, record, reason, device, request=waiter.request)

    def _refuse_unplaceable(
        self, waiter: Waiter, found: Placement, views: list[DeviceView]
    ) -> None:
        view = next((v for v in views if v.device == found.device), None)
        needed = found.needed_bytes
        if view is None or not needed:
            text = f"this model has no use for device {found.device!r}"
            self._refuse(waiter, text, cause="unknown_device", device=found.device)
        elif needed <= view.reachable_bytes + view.own_busy_bytes:
            text = "the requester itself holds the memory"
            blockers = self._roster.held_by(waiter.owner)
            self._refuse(waiter, text, cause="deadlock", device=found.device, blockers=blockers)
        else:
            free = max(0, view.reachable_bytes)
            text = f"at most {free:,} bytes can be made free"
            self._refuse(waiter, text, cause="does_not_fit", device=found.device, free_bytes=free)

    def _refuse_newcomer(self, waiter: Waiter, record: ModelRecord, reason: str) -> None:
        device, free = self._roster.roomiest(record)
        details = {"free_bytes": free, "eta_s": self._roster.queue_s(), "cause": "queue_full"}
        self._emit(Refuse, record, reason, device, request=waiter.request, **details)

    def _refuse(self, waiter: Waiter, reason: str, device: str = "", **details: Any) -> None:
        self._roster.queue.remove(waiter)
        record = self._roster.models[waiter.demand.key]
        self._emit(Refuse, record, reason, device, request=waiter.request, **details)

    def _emit(
        self, kind: type[Effect], record: ModelRecord, reason: str, device: str = "", **details: Any
    ) -> None:
        where = device or record.device
        account = self._roster.ledger.accounts.get(where)
        self._effects.append(
            kind(
                key=record.key,
                device=where,
                reason=reason,
                needed_bytes=record.size_bytes.get(where, 0),
                held_bytes=account.held_bytes if account else 0,
                budget_bytes=account.budget_bytes if account else 0,
                **details,
            )
        )
