"""When the scheduler has a file read ahead: for a model that is away and can come."""

from __future__ import annotations

import json

import pytest

from airunner.scheduling import inputs
from airunner.scheduling.effects import Effect, ReadAhead
from airunner.scheduling.inputs import Demand, Expected, input_from_json
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.lifecycle import Lifecycle
from airunner.scheduling.scheduler import Scheduler

PRIMARY, WRITER = Demand("primary", {"cpu": 70}), Demand("writer", {"cpu": 60})


@pytest.fixture
def scheduler() -> Scheduler:
    """The primary is loaded and in use by a turn; the writer does not fit beside it."""
    scheduler = Scheduler([DeviceBudget("cpu", 100)])
    scheduler.step(inputs.PrimaryChanged(now_s=0, demand=PRIMARY))
    ask(scheduler, "1", PRIMARY)
    scheduler.step(inputs.LoadFinished(now_s=1, key="primary", held_bytes=70, load_s=1))
    return scheduler


def ask(scheduler: Scheduler, request: str, demand: Demand) -> list[Effect]:
    return scheduler.step(inputs.LeaseAsked(now_s=1, request=request, owner="turn", demand=demand))


def expect(scheduler: Scheduler, demand: Demand) -> list[Effect]:
    return scheduler.step(Expected(now_s=2, owner="turn", demand=demand))


def test_a_cold_model_is_read_ahead_while_the_primary_is_still_in_use(
    scheduler: Scheduler,
) -> None:
    (effect,) = expect(scheduler, WRITER)
    assert effect == ReadAhead(
        key="writer",
        device="cpu",
        reason="a tool call that needs it has begun",
        needed_bytes=60,
        held_bytes=70,
        budget_bytes=100,
        owner="turn",
    )
    assert effect.action == "read_ahead"
    assert "writer" not in scheduler.roster.models, "an expectation makes no record"
    assert scheduler.roster.ledger.accounts["cpu"].held_bytes == 70


def test_a_model_in_memory_or_on_its_way_needs_no_reading(scheduler: Scheduler) -> None:
    assert expect(scheduler, PRIMARY) == []  # busy
    scheduler.step(inputs.LeaseReturned(now_s=3, request="1"))
    assert expect(scheduler, PRIMARY) == []  # ready
    ask(scheduler, "2", WRITER)
    assert expect(scheduler, PRIMARY) == []  # parking
    assert scheduler.roster.models["writer"].state is Lifecycle.COLD
    assert expect(scheduler, WRITER) == []  # a request waits for it
    scheduler.step(inputs.ParkFinished(now_s=4, key="primary", parked_bytes=7))
    scheduler.step(inputs.StopFinished(now_s=5, key="primary"))
    assert expect(scheduler, PRIMARY) == []  # parked: it was here a moment ago
    assert scheduler.roster.models["writer"].state is Lifecycle.LOADING
    assert expect(scheduler, WRITER) == []


def test_a_model_that_can_never_be_placed_is_not_read(scheduler: Scheduler) -> None:
    assert expect(scheduler, Demand("giant", {"cpu": 500})) == []
    assert expect(scheduler, Demand("elsewhere", {"cuda:0": 5})) == []


def test_a_model_pinned_out_by_others_is_not_read(scheduler: Scheduler) -> None:
    scheduler.step(inputs.PinsChanged(now_s=2, keys=("primary",)))
    assert expect(scheduler, WRITER) == []
    assert expect(scheduler, Demand("small", {"cpu": 30}))


def test_it_survives_json(scheduler: Scheduler) -> None:
    told = Expected(now_s=2.0, owner="turn", demand=WRITER)
    assert input_from_json(json.loads(json.dumps(told.as_json()))) == told
    (effect,) = scheduler.step(told)
    assert effect.as_json()["effect"] == "ReadAhead"
