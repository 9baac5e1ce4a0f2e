"""One input and what comes of it: devices that shrink or do not fit, waits, workers that end."""

from __future__ import annotations

from airunner.scheduling import inputs
from airunner.scheduling.effects import Effect, Grant, Park, Refuse, Restore
from airunner.scheduling.inputs import Demand
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.scheduler import Scheduler

BIG, SMALL = Demand("big", {"cpu": 60}), Demand("small", {"cpu": 30})


def ask(scheduler: Scheduler, demand: Demand) -> list[Effect]:
    asked = inputs.LeaseAsked(now_s=0, request=demand.key, owner=demand.key, demand=demand)
    return scheduler.step(asked)


def test_a_device_over_its_budget_gives_up_what_is_idle_and_nothing_else() -> None:
    scheduler = Scheduler([DeviceBudget("cpu", 100)])
    for demand in (BIG, SMALL):
        ask(scheduler, demand)
        loaded = inputs.LoadFinished(
            now_s=0, key=demand.key, held_bytes=demand.size_bytes["cpu"], load_s=1
        )
        assert [type(e) for e in scheduler.step(loaded)] == [Grant]
    shrunk = inputs.BudgetMeasured(now_s=1, device="cpu", budget_bytes=50)
    assert scheduler.step(shrunk) == [], "both are in use"
    (effect,) = scheduler.step(inputs.LeaseReturned(now_s=2, request="small"))
    assert isinstance(effect, Park)
    assert (effect.key, effect.reason.partition(";")[0]) == (
        "small",
        "the device is over its budget",
    )
    assert scheduler.step(shrunk) == [], "it is on its way out"


def test_a_model_assigned_to_a_device_that_it_has_no_plan_for_is_refused() -> None:
    scheduler = Scheduler([DeviceBudget("cpu", 100), DeviceBudget("cuda:0", 100)])
    for device in ("cuda:0", "cuda:9"):
        scheduler.step(inputs.DeviceAssigned(now_s=0, key="big", device=device))
        (effect,) = ask(scheduler, BIG)
        assert isinstance(effect, Refuse)
        assert (effect.cause, effect.device) == ("unknown_device", device)


def test_where_no_more_may_wait_the_device_is_told_that_lacks_least() -> None:
    scheduler = Scheduler([DeviceBudget("cpu", 100), DeviceBudget("cuda", 150)], queue_limit=0)
    (effect,) = ask(scheduler, Demand("any", {"cpu": 10, "cuda": 90}))
    assert isinstance(effect, Refuse)
    assert (effect.cause, effect.device, effect.free_bytes) == ("queue_full", "cpu", 100)


def test_a_wait_is_for_the_loads_and_the_leases_before_it() -> None:
    scheduler = Scheduler([DeviceBudget("cpu", 100)])
    ask(scheduler, BIG)
    scheduler.step(inputs.LoadFinished(now_s=0, key="big", held_bytes=60, load_s=1))
    ask(scheduler, Demand("next", {"cpu": 60}))
    ask(scheduler, Demand("last", {"cpu": 60}))
    # A load is guessed to take a second, and a lease five.
    assert [scheduler.roster.wait_s(place, 2) for place in (0, 1)] == [1 + 3, 2 + 3 + 5]


def test_what_was_parked_of_a_model_whose_worker_ended_is_brought_back() -> None:
    scheduler = Scheduler([DeviceBudget("cpu", 100)])
    loaded = inputs.LoadFinished(now_s=0, key="big", held_bytes=60, load_s=1)
    ask(scheduler, BIG)
    assert [type(e) for e in scheduler.step(loaded)] == [Grant]
    scheduler.step(inputs.WorkerLost(now_s=1, key="big", problem="gone", parked_bytes=40))
    ask(scheduler, BIG)
    assert isinstance(scheduler.step(loaded)[0], Restore)
