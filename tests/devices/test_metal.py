from __future__ import annotations

import pytest

from airunner.devices.metal import probe_metal

GIB = 2**30


def mac(ram: int | None, wired_mb: int | None, free: int, **where: str) -> tuple[int | None, ...]:
    values = {"hw.memsize": ram, "iogpu.wired_limit_mb": wired_mb}
    report = probe_metal(
        values.get, lambda: (ram or 0, free), **({"system": "darwin", "machine": "arm64"} | where)
    )
    return tuple(n for d in report.devices for n in (d.total_bytes, d.free_bytes))


@pytest.mark.parametrize(
    ("ram_gib", "wired_mb", "working_set_mib"),
    [
        (16, 0, 10922.67),
        (32, None, 21845.34),
        (64, 0, 49152.0),
        (96, 0, 73728.0),
        (128, 114688, 114688.0),
    ],
)
def test_the_working_set_is_what_metal_was_seen_to_recommend(
    ram_gib: int, wired_mb: int | None, working_set_mib: float
) -> None:
    total, free = mac(ram_gib * GIB, wired_mb, 5 * GIB)
    assert total is not None
    assert total / 2**20 == pytest.approx(working_set_mib, abs=0.01)
    assert free == 5 * GIB
    assert mac(ram_gib * GIB, wired_mb, 500 * GIB) == (total, total)


def test_unknown_ram_is_unknown() -> None:
    assert mac(None, None, 7) == (None, 7)


def test_other_machines_have_no_metal() -> None:
    assert mac(16 * GIB, 0, GIB, system="linux") == ()
    assert mac(16 * GIB, 0, GIB, machine="x86_64") == ()
