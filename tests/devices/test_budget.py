from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from airunner.devices.budget import budget_bytes, budgets, default_reserve_bytes, planned_bytes
from airunner.devices.device import Device, DeviceKind

GB = 10**9
MIB = 2**20


def device(
    total: int | None,
    free: int | None,
    *,
    id: str = "cpu",
    kind: DeviceKind = "cpu",
    own: int | None = None,
) -> Device:
    return Device(id, kind, "test", total, free, budget_bytes=own)


def test_what_is_free_minus_the_reserve() -> None:
    assert budget_bytes(device(16 * GB, 10 * GB), None, 2 * GB) == 8 * GB
    assert budget_bytes(device(16 * GB, 10 * GB), None, 0) == 10 * GB
    assert budget_bytes(device(16 * GB, 10 * GB), None, None) == 10 * GB - 16 * GB // 10
    assert budget_bytes(device(16 * GB, 1 * GB), None, 2 * GB) == 0
    assert default_reserve_bytes(device(2 * GB, None)) == 512 * MIB
    assert default_reserve_bytes(device(None, GB)) == 512 * MIB


def test_bytes_already_held_are_not_taken_for_somebody_else_s() -> None:
    assert budget_bytes(device(16 * GB, 6 * GB), None, GB, held_bytes=4 * GB) == 9 * GB


def test_max_memory_wins_over_free_but_not_over_total() -> None:
    assert budget_bytes(device(16 * GB, 1 * GB), 8 * GB, 5 * GB) == 8 * GB
    assert budget_bytes(device(4 * GB, 1 * GB), 8 * GB, None) == 4 * GB
    assert budget_bytes(device(None, None), 8 * GB, None) == 8 * GB


def test_a_budget_of_its_own_wins_over_max_memory() -> None:
    assert budget_bytes(device(16 * GB, GB, own=600), 8 * GB, None) == 600
    assert budget_bytes(device(500, 500, own=600), None, None) == 500


def test_unknown_stays_unknown() -> None:
    assert budget_bytes(device(8 * GB, None), None, None) is None
    assert budget_bytes(device(None, None), None, 0) is None


def test_max_memory_is_for_the_preferred_tier() -> None:
    cpu = device(32 * GB, 20 * GB)
    gpus = [device(8 * GB, 7 * GB, id=f"cuda:{n}", kind="cuda") for n in range(2)]
    assert budgets([*gpus, cpu], 5 * GB, 2 * GB) == {
        "cuda:0": 5 * GB,
        "cuda:1": 5 * GB,
        "cpu": 18 * GB,
    }
    assert budgets([cpu], 5 * GB, 2 * GB) == {"cpu": 5 * GB}
    assert budgets([*gpus, cpu], None, 2 * GB) == {
        "cuda:0": 5 * GB,
        "cuda:1": 5 * GB,
        "cpu": 18 * GB,
    }


def test_max_memory_is_also_for_the_cpu_where_the_gpu_only_draws() -> None:
    cpu = device(32 * GB, 20 * GB)
    gpu = replace(
        device(8 * GB, 7 * GB, id="cuda:0", kind="cuda"),
        engines=frozenset({"diffusers"}),
        talks=False,
    )
    assert budgets([gpu, cpu], 5 * GB, 2 * GB) == {"cuda:0": 5 * GB, "cpu": 5 * GB}


sizes = st.integers(0, 10**12)
maybe = st.none() | sizes


@given(maybe, maybe, maybe, maybe, maybe, sizes)
def test_a_budget_is_never_negative_nor_above_the_total(
    total: int | None,
    free: int | None,
    own: int | None,
    max_memory: int | None,
    reserve: int | None,
    held: int,
) -> None:
    budget = budget_bytes(device(total, free, own=own), max_memory, reserve, held)
    assert budget is None or 0 <= budget <= (budget if total is None else total)
    assert (budget is None) == (free is None and max_memory is None and own is None)


def test_a_plan_is_the_same_whatever_is_free_and_leaves_room_to_live_in() -> None:
    for free in (GB, 15 * GB, None):
        assert planned_bytes(device(24 * GB, free), None, None) == 18 * GB
        assert planned_bytes(device(24 * GB, free), None, GB) == 23 * GB
    assert planned_bytes(device(12 * GB, GB), None, None) == 8 * GB, "a desktop takes 4 GB"
    assert planned_bytes(device(4 * GB, GB), None, None) == 2 * GB, "something is left for models"
    gpu = device(8 * GB, GB, id="cuda:0", kind="cuda")
    assert planned_bytes(gpu, None, None) == 7 * GB
    assert planned_bytes(device(24 * GB, GB), 20 * GB, None) == 20 * GB
    assert planned_bytes(device(24 * GB, GB, own=600), None, None) == 600
    assert planned_bytes(device(None, 5 * GB), None, GB) == 4 * GB
