"""How many bytes of each device are charged to whom. Arithmetic only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DeviceBudget:
    """A device as the scheduler knows it. ``tier`` 0 is preferred."""

    device: str
    budget_bytes: int
    tier: int = 0


@dataclass(slots=True)
class Account:
    """One device's book. ``lost_bytes`` were not given back when a worker ended."""

    device: str
    budget_bytes: int
    tier: int
    lost_bytes: int = 0
    charges: dict[str, int] = field(default_factory=dict)

    @property
    def held_bytes(self) -> int:
        """Bytes charged to loaded models."""
        return sum(self.charges.values())

    @property
    def free_bytes(self) -> int:
        """Budget less charges and losses; negative when over budget."""
        return self.budget_bytes - self.lost_bytes - self.held_bytes


class Ledger:
    """The books of all devices."""

    def __init__(self, budgets: Iterable[DeviceBudget]) -> None:
        self._accounts = {b.device: Account(b.device, b.budget_bytes, b.tier) for b in budgets}

    @property
    def accounts(self) -> Mapping[str, Account]:
        """Every device's book, by device id."""
        return self._accounts

    def charge(self, device: str, key: str, size_bytes: int) -> None:
        """Charge a model to a device, replacing what it was charged before."""
        self._accounts[device].charges[key] = size_bytes

    def discharge(self, device: str, key: str, missing_bytes: int = 0) -> None:
        """Take a model off a device; what did not come back stays against the budget."""
        account = self._accounts[device]
        account.charges.pop(key, None)
        account.lost_bytes += missing_bytes

    def set_budget(self, device: str, budget_bytes: int) -> None:
        """A fresh measurement: it already counts what was lost before."""
        account = self._accounts[device]
        account.budget_bytes, account.lost_bytes = budget_bytes, 0
