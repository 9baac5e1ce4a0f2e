"""Models that cannot be in memory together serve in turns, and nobody waits for long."""

from __future__ import annotations

import random

from benchmarks.crowd import MOST_SWAPS, MOST_WAIT, Crowd

from airunner.scheduling import inputs
from airunner.scheduling.effects import Effect, Grant
from airunner.scheduling.inputs import Demand
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.scheduler import Scheduler

SIZES = {"a": 70, "b": 60}


def test_two_hundred_clients_of_two_models_share_one_place() -> None:
    crowd = Crowd(random.Random(1))
    crowd.run(500)
    assert max(crowd.waits_s) <= MOST_WAIT * crowd.fair_s
    assert crowd.loads <= MOST_SWAPS * crowd.swaps_in_order
    assert crowd.loads > 3, "each model has had several turns"


class World:
    """A scheduler whose effects are done at once; ``served`` are the requests, in order."""

    def __init__(self) -> None:
        self.scheduler = Scheduler([DeviceBudget("gpu:0", 100)])
        self.served: list[str] = []

    def ask(self, request: str, model: str, priority: int = 0) -> None:
        demand = Demand(model, {"gpu:0": SIZES[model]})
        names = {"request": request, "owner": request}
        self._tell(inputs.LeaseAsked(now_s=0, demand=demand, priority=priority, **names))

    def give_back(self, *requests: str) -> None:
        for request in requests:
            self._tell(inputs.LeaseReturned(now_s=0, request=request))

    def _tell(self, event: inputs.Input) -> None:
        for effect in self.scheduler.step(event):
            if isinstance(effect, Grant):
                self.served.append(effect.request)
            elif (done := self._done(effect)) is not None:
                self._tell(done)

    @staticmethod
    def _done(effect: Effect) -> inputs.Input | None:
        match type(effect).__name__:
            case "StartLoad":
                held = {"held_bytes": effect.needed_bytes, "load_s": 1.0}
                return inputs.LoadFinished(now_s=0, key=effect.key, **held)
            case "Park":
                return inputs.ParkFinished(now_s=0, key=effect.key, parked_bytes=0)
            case "Stop":
                return inputs.StopFinished(now_s=0, key=effect.key, missing_bytes=0)
        return None


def test_who_asks_in_a_turn_waits_for_the_next_one() -> None:
    world = World()
    world.ask("a1", "a")
    for request in ("b1", "a2", "b2", "a3"):
        world.ask(request, request[0])
    assert world.served == ["a1"]
    world.give_back("a1")
    assert world.served == ["a1", "b1", "b2"]
    world.ask("b3", "b")
    world.give_back("b1", "b2")
    assert world.served == ["a1", "b1", "b2", "a2", "a3"]
    world.give_back("a2", "a3")
    assert world.served[-1] == "b3"


def test_a_turn_does_not_go_before_a_higher_priority() -> None:
    world = World()
    world.ask("a1", "a")
    world.ask("b1", "b", priority=1)
    world.ask("a2", "a", priority=1)
    world.ask("b2", "b")
    world.give_back("a1")
    assert world.served == ["a1", "b1"]
    world.give_back("b1")
    assert world.served == ["a1", "b1", "a2"]
    world.give_back("a2")
    assert world.served[-1] == "b2"
