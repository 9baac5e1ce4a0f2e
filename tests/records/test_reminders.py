"""Reminders wait until somebody has taken note of them, and are then shown to nobody."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airunner.records.records import Records


class Clock:
    """A present that stands still until it is moved."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(tmp_path: Path, clock: Clock) -> Iterator[Records]:
    with Records(tmp_path / "records.sqlite3", clock=clock) as records:
        yield records


def test_one_that_is_due_waits_until_it_is_noted(records: Records, clock: Clock) -> None:
    reminders = records.reminders
    assert reminders.next_due_s() is None
    later = reminders.add("call\x1b[2J the bank\n", 1200.0)
    soon = reminders.add("tea", 1100.0)
    assert later.text == "call [2J the bank"
    assert reminders.waiting() == [soon, later]
    assert reminders.next_due_s() == 1100.0
    assert reminders.due() == []
    assert not reminders.note(soon.number), "it is still to come"
    clock.now_s = 1100.0
    assert reminders.due() == reminders.due() == [soon]
    assert reminders.waiting() == [soon, later]
    assert reminders.note(soon.number)
    assert reminders.due() == []
    assert not reminders.note(soon.number)
    assert reminders.waiting() == [later]
    assert reminders.due(5000.0) == [later]


def test_what_came_due_while_nothing_ran_is_in_order(records: Records, clock: Clock) -> None:
    second, first = records.reminders.add("b", 1002.0), records.reminders.add("a", 1001.0)
    clock.now_s = 9000.0
    assert records.reminders.due() == [first, second]


def test_a_cancelled_one_is_gone_and_its_number_with_it(records: Records, clock: Clock) -> None:
    reminders = records.reminders
    tea = reminders.add("tea", 1100.0)
    assert reminders.cancel(tea.number)
    assert not reminders.cancel(tea.number)
    assert reminders.waiting() == []
    coffee = reminders.add("coffee", 1100.0)
    assert coffee.number > tea.number
    clock.now_s = 2000.0
    assert reminders.note(coffee.number)
    assert not reminders.cancel(coffee.number)


def test_of_several_processes_one_takes_note(records: Records, tmp_path: Path) -> None:
    for number in range(40):
        records.reminders.add(f"reminder {number}", number)
    code = (
        "import sys; from pathlib import Path; from airunner.records.records import Records\n"
        "with Records(Path(sys.argv[1]), busy_s=60) as records:\n"
        "    for until in range(0, 41, 4):\n"
        "        for each in records.reminders.due(float(until)):\n"
        "            if records.reminders.note(each.number): print(each.number)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "records.sqlite3")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = [line for process in processes for line in process.communicate()[0].split()]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(map(int, told)) == list(range(1, 41))
