"""The books of the devices."""

from __future__ import annotations

from airunner.scheduling.ledger import DeviceBudget, Ledger


def test_charges_replace_each_other_and_come_back_whole() -> None:
    ledger = Ledger([DeviceBudget("cpu", 100), DeviceBudget("gpu:0", 50)])
    ledger.charge("cpu", "a", 30)
    ledger.charge("cpu", "a", 40)
    ledger.charge("cpu", "b", 20)
    account = ledger.accounts["cpu"]
    assert (account.held_bytes, account.free_bytes) == (60, 40)
    ledger.discharge("cpu", "a")
    ledger.discharge("cpu", "never there")
    assert (account.held_bytes, account.free_bytes) == (20, 80)
    assert ledger.accounts["gpu:0"].free_bytes == 50


def test_lost_bytes_count_until_the_device_is_measured_again() -> None:
    ledger = Ledger([DeviceBudget("cpu", 100)])
    ledger.charge("cpu", "a", 60)
    ledger.discharge("cpu", "a", missing_bytes=25)
    account = ledger.accounts["cpu"]
    assert (account.held_bytes, account.lost_bytes, account.free_bytes) == (0, 25, 75)
    ledger.charge("cpu", "b", 70)
    ledger.set_budget("cpu", 60)
    assert (account.lost_bytes, account.free_bytes) == (0, -10), "over budget shows as negative"
