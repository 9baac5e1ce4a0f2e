"""The log of a run: what is written, what is not, and that it replays."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from airunner.errors import UnusableRecordError
from airunner.events import (
    Event,
    ModelParked,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
)
from airunner.resources.run_log import (
    KEPT_RUNS,
    RunLog,
    is_written,
    read_run,
    replay,
    run_files,
    runs_in,
)
from airunner.scheduling import inputs
from airunner.scheduling.inputs import Demand, Input
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.scheduler import Scheduler

BUDGETS = [DeviceBudget("cpu", 100)]
SECRET = "the user's own words"


def a_swap() -> list[Input]:
    """A primary that leaves for a specialist and comes back, as the manager would report it."""
    primary, other = Demand("p", {"cpu": 80}), Demand("s", {"cpu": 60})
    return [
        inputs.PrimaryChanged(now_s=0, demand=primary),
        inputs.LeaseAsked(now_s=1, request="1", owner="turn", demand=primary),
        inputs.LoadFinished(now_s=2, key="p", held_bytes=80, load_s=1.5),
        inputs.LeaseReturned(now_s=3, request="1", rebuild_s=0.25),
        inputs.PinsChanged(now_s=3, keys=()),
        inputs.LeaseAsked(now_s=4, request="2", owner="turn", demand=other),
        inputs.ParkFinished(now_s=5, key="p", parked_bytes=7),
        inputs.StopFinished(now_s=6, key="p"),
        inputs.LoadFinished(now_s=7, key="s", held_bytes=60, load_s=0.5),
        inputs.LeaseReturned(now_s=8, request="2"),
        inputs.ParkFinished(now_s=9, key="s", parked_bytes=0),
        inputs.StopFinished(now_s=10, key="s", missing_bytes=3),
        inputs.LoadFinished(now_s=11, key="p", held_bytes=80, load_s=1.0),
        inputs.RestoreFinished(now_s=12, key="p"),
    ]


def record(folder: Path, events: list[Event] | None = None) -> Path:
    """The log of a swap, with ``events`` after the first step."""
    log = RunLog(folder, BUDGETS, 16, "a test")
    scheduler = Scheduler(BUDGETS, queue_limit=16)
    for number, step in enumerate(a_swap()):
        log.record_step(step, scheduler.step(step))
        if number == 0:
            for event in events or []:
                log.record_event(event)
    log.close()
    (path,) = run_files(folder)
    return path


def test_a_run_comes_back_as_it_was_and_replays_to_the_same_decisions(tmp_path: Path) -> None:
    parked = ModelParked(
        model="p", conversations=1, tokens=9, parked_bytes=7, park_s=0.1, tier="disk"
    )
    run = read_run(record(tmp_path, [parked]))
    assert run.header["command"] == "a test"
    assert run.header["pid"] == os.getpid()
    assert [step for step, _ in run.steps] == a_swap()
    assert list(run.events) == [parked.as_json()]
    actions = [effect["effect"] for _, effects in run.steps for effect in effects]
    assert actions[:2] == ["StartLoad", "Grant"]
    assert actions[-2:] == ["StartLoad", "Restore"]
    assert replay(run) is None


def test_a_replay_finds_the_first_decision_that_differs(tmp_path: Path) -> None:
    path = record(tmp_path)
    lines = path.read_text().splitlines()
    changed = json.loads(lines[6])
    assert changed["effects"][0]["effect"] == "Park"
    changed["effects"][0]["needed_bytes"] += 1
    path.write_text("\n".join([*lines[:6], json.dumps(changed), *lines[7:]]))
    found = replay(read_run(path))
    assert found is not None
    assert found.step == 5
    assert found.recorded == changed["effects"]
    assert found.replayed[0]["needed_bytes"] == changed["effects"][0]["needed_bytes"] - 1


def test_a_line_cut_off_by_a_crash_is_left_out(tmp_path: Path) -> None:
    path = record(tmp_path)
    whole = read_run(path)
    with path.open("a") as file:
        file.write('{"step": {"input": "LeaseAs')
    run = read_run(path)
    assert run.records == whole.records
    assert replay(run) is None


def test_nothing_that_was_said_is_logged(tmp_path: Path) -> None:
    path = record(
        tmp_path,
        [
            TextStreamed(turn="t", text=SECRET),
            ToolCallStarted(turn="t", call="c", tool="echo", arguments={"text": SECRET}),
            ToolCallFinished(turn="t", call="c", tool="echo", result=SECRET, problem="", seconds=1),
            TurnFinished(turn="t", outcome="answered", text=SECRET, steps=1, total_s=1),
        ],
    )
    assert SECRET not in path.read_text()
    kinds = [event["kind"] for event in read_run(path).events]
    assert kinds == ["tool_call_started", "tool_call_finished", "turn_finished"]


def test_a_run_without_records_leaves_no_file(tmp_path: Path) -> None:
    RunLog(tmp_path / "runs", BUDGETS, 1, "idle").close()
    assert not (tmp_path / "runs").exists()


def test_old_runs_are_forgotten(tmp_path: Path) -> None:
    for number in range(KEPT_RUNS + 5):
        (tmp_path / f"{number:02}.ndjson").write_text("{}\n")
        os.utime(tmp_path / f"{number:02}.ndjson", (number, number))
    log = RunLog(tmp_path, BUDGETS, 1, "newest")
    log.record_step(a_swap()[0], [])
    log.close()
    kept = run_files(tmp_path)
    assert len(kept) == KEPT_RUNS
    assert read_run(kept[0]).header["command"] == "newest"
    assert kept[-1].name == "06.ndjson", "the oldest went first"


def test_a_run_that_goes_on_is_not_forgotten_and_nothing_odd_ends_the_log(tmp_path: Path) -> None:
    """A server's log is old where nothing happens; links and folders are not ours to remove."""
    living = RunLog(tmp_path, BUDGETS, 1, "a server")
    living.record_step(a_swap()[0], [])
    (server,) = run_files(tmp_path)
    server = server.rename(tmp_path / "server.ndjson")
    os.utime(server, (1, 1))
    (tmp_path / "a folder.ndjson").mkdir()
    (tmp_path / "a link.ndjson").symlink_to("nowhere")
    for number in range(KEPT_RUNS + 2):
        (tmp_path / f"{number:02}.ndjson").write_text("{}\n")
        os.utime(tmp_path / f"{number:02}.ndjson", (number + 2, number + 2))
    log = RunLog(tmp_path, BUDGETS, 1, "newest")
    log.record_step(a_swap()[0], [])
    assert [run.header["command"] for run in runs_in(tmp_path, living=True)] == [
        "newest",
        "a server",
    ]
    log.close()
    living.close()


HEADER = {"began_s": 1.0, "pid": 5, "command": "x", "queue_limit": 5, "budgets": []}


@pytest.mark.parametrize(
    "text",
    [
        *("", '{"run": {"beg', "\0" * 9, "[" * 99_999, "5\n", "[]\n", '{"run": 5}\n', "{}\n"),
        *(json.dumps({"run": {**HEADER, "budgets": each}}) for each in (5, [5], [{"x": 1}])),
        *(json.dumps({"run": {**HEADER, "began_s": each}}) for each in ("", 10**400, None)),
        *(
            json.dumps({"run": HEADER}) + "\n" + line
            for line in ("[1]", '{"event": 5}', '{"event": {}}', '{"event": {"kind": "x"}}')
        ),
    ],
)
def test_a_log_that_is_none_keeps_no_other_from_being_read(tmp_path: Path, text: str) -> None:
    """A process that was killed, or is only just there, has written no more than a part."""
    path = record(tmp_path)
    odd = tmp_path / "odd.ndjson"
    odd.write_text(text, encoding="utf-8")
    assert [run.path for run in runs_in(tmp_path)] == [path]
    with pytest.raises(UnusableRecordError):
        read_run(odd)


FILLS_THE_DISK = f"""
import logging, resource, sys
from pathlib import Path
from airunner.scheduling.inputs import UnloadAsked
from airunner.scheduling.ledger import DeviceBudget
from airunner.resources.run_log import RunLog
logging.basicConfig()
resource.setrlimit(resource.RLIMIT_FSIZE, (600, {resource.RLIM_INFINITY}))
log = RunLog(Path(sys.argv[1]), [DeviceBudget("cpu", 1)], 1, "fills the disk")
for number in range(100):
    log.record_step(UnloadAsked(now_s=0, key="m"), [])
log.close()
print("the run goes on")
"""


def test_a_full_disk_ends_the_log_with_one_warning_and_never_the_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILLS_THE_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout == "the run goes on\n", done.stderr
    assert done.stderr.count("WARNING") == 1
    assert done.stderr.count("The run is no longer logged") == 1
    run = read_run(run_files(tmp_path)[0])
    assert run.header["command"] == "fills the disk"
    assert run.records


def test_a_folder_that_cannot_be_made_is_a_warning_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    log = RunLog(tmp_path / "file/runs", BUDGETS, 1, "nowhere")
    log.record_step(a_swap()[0], [])
    log.record_step(a_swap()[0], [])
    assert caplog.text.count("no longer logged") == 1
    assert ": Not a directory. " in caplog.text
    assert "Errno" not in caplog.text


def test_a_run_goes_on_while_its_log_is_written_whatever_the_clock_says(tmp_path: Path) -> None:
    log = RunLog(tmp_path, BUDGETS, 16, "a test")
    log.record_event(TurnFinished(turn="t", outcome="answered", text=SECRET, steps=1, total_s=1))
    (path,) = run_files(tmp_path)
    os.utime(path, (0, 0))
    assert is_written(path)
    log.close()
    assert not is_written(path)
    assert not is_written(tmp_path / "none")
