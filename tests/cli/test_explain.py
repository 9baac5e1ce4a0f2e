"""``airunner explain`` on runs recorded with the real scheduler and the real log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from airunner.cli.app import app
from airunner.events import Decided, ModelParked
from airunner.resources.run_log import RunLog
from airunner.scheduling.effects import Effect
from airunner.scheduling.inputs import (
    Demand,
    Expected,
    Input,
    LeaseAsked,
    LeaseReturned,
    LoadFinished,
    ParkFinished,
    PrimaryChanged,
    StopFinished,
)
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.scheduler import Scheduler

PRIMARY, SPECIALIST = Demand("team/primary", {"cpu": 700}), Demand("team/writer", {"cpu": 600})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one run: the primary is parked for a specialist."""
    budgets = [DeviceBudget("cpu", 1000)]
    scheduler = Scheduler(budgets, queue_limit=4)
    log = RunLog(tmp_path / "runs", budgets, 4, "airunner test")

    def step(event: Input) -> None:
        effects = scheduler.step(event)
        log.record_step(event, effects)
        for effect in effects:
            log.record_event(_decided(effect))

    step(PrimaryChanged(now_s=0, demand=PRIMARY))
    step(LeaseAsked(now_s=1, request="a", owner="turn", demand=PRIMARY))
    step(LoadFinished(now_s=2, key=PRIMARY.key, held_bytes=700, load_s=0.5))
    step(Expected(now_s=2.5, owner="turn", demand=SPECIALIST))
    step(LeaseReturned(now_s=3, request="a"))
    step(LeaseAsked(now_s=4, request="b", owner="turn", demand=SPECIALIST))
    log.record_event(
        ModelParked(
            model=PRIMARY.key,
            conversations=1,
            tokens=1788,
            parked_bytes=41_000_000,
            park_s=0.04,
            tier="memory",
        )
    )
    step(ParkFinished(now_s=5, key=PRIMARY.key, parked_bytes=41))
    step(StopFinished(now_s=6, key=PRIMARY.key))
    log.close()
    return tmp_path


def _decided(effect: Effect) -> Decided:
    return Decided(
        action=effect.action,
        model=effect.key,
        device=effect.device,
        reason=effect.reason,
        needed_bytes=effect.needed_bytes,
        held_bytes=effect.held_bytes,
        budget_bytes=effect.budget_bytes,
    )


def explain(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", "--home", str(home), *arguments])


def test_the_timeline_has_decisions_bytes_reasons_and_outcomes(home: Path) -> None:
    done = explain(home)
    assert done.exit_code == 0, done.output
    text = " ".join(done.stdout.split())
    order = [
        "START LOAD primary on cpu: asked for, and it fits (700 B needed; 700 B of 1.00 KB held)",
        "GRANT primary on cpu",
        "READ AHEAD writer on cpu: a tool call that needs it has begun (600 B needed; 700 B",
        "PARK primary on cpu: makes room for team/writer, which needs 600 bytes",
        "parked primary: 1,788 tokens, 41.0 MB to memory in 40 ms",
        "STOP primary on cpu: its conversations are safe",
        "START LOAD writer on cpu",
    ]
    places = [text.index(line) for line in order]
    assert places == sorted(places)


def test_json_and_runs_without_decisions_are_passed_over(home: Path) -> None:
    header = {"run": {"began_s": 0.0, "pid": 1, "command": "x", "queue_limit": 1, "budgets": []}}
    (home / "runs" / "99999999-000000-1.ndjson").write_text(json.dumps(header) + "\n")
    (run,) = json.loads(explain(home, "--json", "--last", "3").stdout)["runs"]
    assert run["command"] == "airunner test"
    assert [e["action"] for e in run["timeline"] if e["kind"] == "decided"][:3] == [
        "start_load",
        "grant",
        "read_ahead",
    ]
    assert all(e["after_s"] >= 0 for e in run["timeline"])


def test_a_replay_decides_the_same(home: Path) -> None:
    done = explain(home, "--replay")
    assert done.exit_code == 0
    assert "the same decisions in all 8 steps" in done.stdout


def test_a_replay_finds_a_decision_that_was_changed(home: Path) -> None:
    (file,) = (home / "runs").iterdir()
    changed = file.read_text().replace('"effect": "Park"', '"effect": "Stop"')
    other = home / "changed.ndjson"
    other.write_text(changed)
    done = explain(home, "--run", str(other), "--replay", "--json")
    assert done.exit_code == 1
    (run,) = json.loads(done.stdout)["runs"]
    assert run["replay"]["same"] is False
    assert run["replay"]["difference"]["step"] == 5


def test_a_file_that_is_no_log_is_a_usage_error(home: Path) -> None:
    other = home / "notes.txt"
    other.write_text("not a log\n")
    done = explain(home, "--run", str(other))
    assert done.exit_code == 2
    assert "is not the log of a run" in done.stderr
