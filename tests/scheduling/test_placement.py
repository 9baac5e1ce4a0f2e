"""Where a model goes, for each reason there is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airunner.scheduling.eviction import Candidate
from airunner.scheduling.placement import DeviceView, Outcome, place

CHEAP, DEAR = Candidate("cheap", 40, 1.0), Candidate("dear", 40, 9.0)


def test_a_free_device_comes_before_one_that_must_evict() -> None:
    full = DeviceView("gpu:0", 0, free_bytes=10, idle=(CHEAP,))
    found = place({"gpu:0": 50, "gpu:1": 50}, [full, DeviceView("gpu:1", 0, free_bytes=60)])
    assert (found.outcome, found.device, found.evict) == (Outcome.FITS, "gpu:1", ())


def test_among_devices_that_must_evict_the_cheaper_eviction_decides() -> None:
    views = [
        DeviceView("gpu:0", 0, free_bytes=10, idle=(DEAR,)),
        DeviceView("gpu:1", 0, free_bytes=10, idle=(CHEAP,)),
    ]
    found = place({"gpu:0": 50, "gpu:1": 50}, views)
    assert (found.outcome, found.device) == (Outcome.FITS_AFTER_EVICTION, "gpu:1")
    assert found.evict == (CHEAP,)


def test_among_devices_with_room_the_roomiest_is_chosen() -> None:
    views = [DeviceView("gpu:0", 0, free_bytes=60), DeviceView("gpu:1", 0, free_bytes=90)]
    assert place({"gpu:0": 50, "gpu:1": 50}, views).device == "gpu:1"


def test_waiting_for_the_better_tier_beats_the_worse_one_with_room() -> None:
    views = [
        DeviceView("gpu:0", 0, free_bytes=0, busy=(CHEAP,)),
        DeviceView("cpu", 1, free_bytes=500),
    ]
    found = place({"gpu:0": 40, "cpu": 40}, views)
    assert (found.outcome, found.device, found.drain) == (Outcome.WAITS, "gpu:0", (CHEAP,))


def test_the_worse_tier_serves_what_can_never_fit_the_better_one() -> None:
    views = [DeviceView("gpu:0", 0, free_bytes=40), DeviceView("cpu", 1, free_bytes=500)]
    assert place({"gpu:0": 100, "cpu": 100}, views).device == "cpu"


def test_an_assigned_model_goes_nowhere_else() -> None:
    views = [DeviceView("gpu:0", 0, free_bytes=90), DeviceView("gpu:1", 0, free_bytes=10)]
    found = place({"gpu:0": 50, "gpu:1": 50}, views, assigned="gpu:1")
    assert (found.outcome, found.device) == (Outcome.NEVER, "gpu:1")
    elsewhere = place({"gpu:0": 50}, views, assigned="gpu:1")
    assert (elsewhere.outcome, elsewhere.device, elsewhere.needed_bytes) == (
        Outcome.NEVER,
        "gpu:1",
        0,
    )


def test_memory_that_is_coming_back_is_waited_for_and_nobody_is_evicted() -> None:
    view = DeviceView("cpu", 0, free_bytes=10, leaving_bytes=40, idle=(CHEAP,))
    found = place({"cpu": 50}, [view])
    assert (found.outcome, found.evict, found.drain) == (Outcome.WAITS, (), ())


def test_memory_promised_to_earlier_requests_is_not_given_away() -> None:
    view = DeviceView("cpu", 0, free_bytes=60, reserved_bytes=30)
    assert place({"cpu": 50}, [view]).outcome is Outcome.WAITS
    assert place({"cpu": 30}, [view]).outcome is Outcome.FITS


def test_never_names_the_device_that_came_closest() -> None:
    views = [
        DeviceView("gpu:0", 0, free_bytes=10),
        DeviceView("gpu:1", 0, free_bytes=20, busy=(CHEAP,)),
        DeviceView("cpu", 1, free_bytes=50),
    ]
    found = place({"gpu:0": 100, "gpu:1": 100, "cpu": 100}, views)
    assert (found.outcome, found.device, found.needed_bytes) == (Outcome.NEVER, "gpu:1", 100)


@st.composite
def devices(draw: st.DrawFn) -> list[DeviceView]:
    figures = st.integers(0, 100)

    def models(name: str) -> tuple[Candidate, ...]:
        sizes = draw(st.lists(figures, max_size=3))
        return tuple(Candidate(f"{name}{i}", s, draw(figures)) for i, s in enumerate(sizes))

    return [
        DeviceView(
            f"d{i}",
            tier=draw(st.integers(0, 1)),
            free_bytes=draw(st.integers(-50, 100)),
            leaving_bytes=draw(figures),
            reserved_bytes=draw(figures),
            idle=models(f"idle{i}-"),
            busy=models(f"busy{i}-"),
        )
        for i in range(draw(st.integers(1, 3)))
    ]


@given(devices(), st.integers(1, 300))
def test_every_outcome_keeps_its_word(views: list[DeviceView], needed: int) -> None:
    found = place({v.device: needed for v in views}, views)
    view = next(v for v in views if v.device == found.device)
    if found.outcome is Outcome.NEVER:
        assert all(needed > v.reachable_bytes for v in views)
        return
    assert needed <= view.reachable_bytes
    assert not any(v.tier < view.tier and needed <= v.reachable_bytes for v in views)
    free = view.free_bytes - view.reserved_bytes
    if found.outcome is Outcome.FITS:
        assert needed <= free
    if found.outcome is Outcome.FITS_AFTER_EVICTION:
        assert set(found.evict) <= set(view.idle)
        assert needed <= free + view.leaving_bytes + sum(c.size_bytes for c in found.evict)
