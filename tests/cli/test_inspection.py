"""Commands that only look: models, plan, doctor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from airunner.cli.app import app
from airunner.components.llm.config.model_capabilities import (
    EMBEDDED_ARTIST,
    EMBEDDED_PRIMARY,
    EMBEDDED_SPECIALIST,
    MODEL_REGISTRY,
)
from airunner.config.byte_size import format_bytes

pytestmark = pytest.mark.real

SPECIALIST_FOR = "Qwen/Qwen2.5-3B-Instruct"


def output(home: Path, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, [*arguments, "--home", str(home)], env={"COLUMNS": "80"})
    assert done.exit_code == code, done.output
    return done.stdout


def document(home: Path, *arguments: str, code: int = 0) -> Any:
    return json.loads(output(home, *arguments, "--json", code=code))


def test_models_list_says_what_is_here_and_who_serves(embedded_home: Path) -> None:
    found = document(embedded_home, "models", "list")
    models = {m["model"]: m for m in found["models"]}
    assert set(models) == set(MODEL_REGISTRY)
    # The artist comes with the package itself.
    here = {name for name, m in models.items() if m["here"]} - {EMBEDDED_ARTIST}
    assert here == {EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST}
    assert models[EMBEDDED_PRIMARY]["file_bytes"] == 98_362_432
    serving = {row["capability"]: row for row in found["serving"]}
    assert serving["summarization"]["wanted"] == SPECIALIST_FOR
    assert serving["summarization"]["model"] == EMBEDDED_SPECIALIST
    assert serving["image_generation"]["model"] == EMBEDDED_ARTIST
    text = output(embedded_home, "models", "list")
    assert EMBEDDED_SPECIALIST in text
    assert max(map(len, text.splitlines())) <= 80


def test_models_show_computes_memory_from_the_file(embedded_home: Path) -> None:
    sheet = document(embedded_home, "models", "show", EMBEDDED_PRIMARY, "--context", "4096")
    assert sheet["license"] == "Apache-2.0"
    listed = document(embedded_home, "models", "list")["models"]
    (line,) = (each for each in listed if each["model"] == EMBEDDED_PRIMARY)
    assert line == {name: sheet[name] for name in line}, "named as in the list"
    assert sheet["sources"][0]["source"] == "WheelSource"
    rows = {row["n_ctx"]: row for row in sheet["memory"]}
    assert [n for n, row in rows.items() if row["chosen"]] == [4096]
    # 30 layers x 3 KV heads x 64 x 2 bytes x keys and values.
    assert rows[4096]["kv_bytes"] == 4096 * 30 * 3 * 64 * 2 * 2
    assert rows[4096]["total_bytes"] > rows[2048]["total_bytes"] > 98_000_000
    text = output(embedded_home, "models", "show", EMBEDDED_PRIMARY, "--context", "4096")
    assert "4,096 tokens*" in text
    assert "primary conversation\n" in text
    assert "primary_conversation" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_models_show_without_weights_says_how_to_get_them(tmp_path: Path) -> None:
    assert document(tmp_path, "models", "show", SPECIALIST_FOR)["memory"] == []
    assert f"airunner models pull {SPECIALIST_FOR}" in output(
        tmp_path, "models", "show", SPECIALIST_FOR
    )


def test_an_empty_list_says_so(tmp_path: Path) -> None:
    assert output(tmp_path, "keys", "list").startswith("No keys.")
    assert output(tmp_path, "conversations", "list") == "No conversation is saved yet.\n"
    assert (
        output(tmp_path, "conversations", "list", "--search", "x") == "No conversation says it.\n"
    )
    assert output(tmp_path, "ps") == "No AI Runner process has models loaded.\n"
    assert document(tmp_path, "keys", "list")["keys"] == []


def test_pull_of_an_unknown_model_says_where_to_look(tmp_path: Path) -> None:
    for name, near in (
        ("qwen3:4b", "Did you mean Qwen/Qwen3-4B"),
        ("llama3", "'llama3'. `airunner"),
    ):
        done = CliRunner().invoke(app, ["pull", name, "--home", str(tmp_path)])
        assert done.exit_code == 1
        assert near in done.stderr
        assert "`airunner plan` shows which suit this machine" in done.stderr


def test_pull_of_what_is_here_and_remove(embedded_home: Path, tmp_path: Path) -> None:
    assert output(embedded_home, "models", "pull", EMBEDDED_PRIMARY).startswith(EMBEDDED_PRIMARY)
    kept = tmp_path / "models" / "Qwen--Qwen3-4B"
    kept.mkdir(parents=True)
    (kept / "weights.gguf").write_bytes(bytes(1000))
    assert "1.00 KB freed" in output(tmp_path, "models", "remove", "Qwen/Qwen3-4B")
    assert not kept.exists()


def test_one_pull_that_fails_does_not_end_the_others(embedded_home: Path) -> None:
    absent = ("Qwen/Qwen3-4B", "Qwen/Qwen3-8B")
    command = ["models", "pull", absent[0], EMBEDDED_PRIMARY, absent[1], "--offline"]
    done = CliRunner().invoke(app, [*command, "--home", str(embedded_home)])
    assert done.exit_code == 1
    assert done.stdout.startswith(f"{EMBEDDED_PRIMARY}: ")
    for model in absent:
        assert f"{model} are not on this machine" in done.stderr


def test_pull_team_fetches_what_plan_shows(embedded_home: Path) -> None:
    def pull(*arguments: str) -> Result:
        command = ("models", "pull", "--team", *arguments, "--offline")
        return CliRunner().invoke(app, [*command, "--home", str(embedded_home)])

    small = document(embedded_home, "plan", "--max-vram", "0.6GB")
    chosen = {c["model"]: c["size_bytes"] for c in small["choices"] if c["model"]}
    done = pull("--max-vram", "0.6GB")
    assert done.exit_code == 0, done.output
    assert {line.partition(": ")[0] for line in done.stdout.splitlines()} == set(chosen)
    for model, size_bytes in chosen.items():
        line = next(line for line in done.stderr.splitlines() if line.startswith(f"{model} "))
        assert format_bytes(size_bytes) in line
        assert line.endswith("here")
    assert "Nothing that fits serves embedding." in done.stderr

    # Without a size, for the memory that may be used here; nothing of it can be fetched.
    done = pull("--max-memory", "4GB")
    assert done.exit_code == 1
    team = [line.split()[0] for line in done.stderr.splitlines() if line.endswith("to fetch")]
    plan = document(embedded_home, "plan", "--max-memory", "4GB")
    assert set(team) == {c["model"] for c in plan["choices"]}
    assert "Qwen/Qwen3-4B" in team


def test_each_line_of_a_plan_says_how_fast_the_model_is_and_is_not_broken(tmp_path: Path) -> None:
    machine = ("--devices", "cpu", "--max-memory", "6GB", "--threads", "2")
    lines = output(tmp_path, "plan", *machine).splitlines()
    assert max(map(len, lines)) <= 80
    (speaks,) = [line for line in lines if line.startswith("primary_conversation")]
    assert speaks.rstrip().endswith("words/min")
    (draws,) = [line for line in lines if line.startswith("image_generation")]
    assert draws.rstrip().endswith("/picture")


def test_plan_chooses_and_says_by_how_much_others_miss(tmp_path: Path) -> None:
    plan = document(tmp_path, "plan", "--max-vram", "8")
    assert plan["budget_bytes"] == 8 * 10**9
    choices = {c["capability"]: c for c in plan["choices"]}
    assert choices["primary_conversation"]["model"] == "Qwen/Qwen3-8B"
    coder = {r["model"]: r for r in choices["code_generation"]["rejected"]}
    assert coder["Qwen/Qwen3-Coder-30B-A3B-Instruct"]["deficit_bytes"] == 11_500_000_000
    assert choices["image_generation"]["model"] == "stabilityai/stable-diffusion-xl-base-1.0"
    for text in ("8GB", "8000MB"):
        assert document(tmp_path, "plan", "--max-vram", text)["budget_bytes"] == 8 * 10**9
    assert document(tmp_path, "plan", "--max-vram", "7.5GiB")["budget_bytes"] == 7.5 * 2**30
    text = output(tmp_path, "plan", "--max-vram", "8")
    assert len(text.splitlines()) == 3 + 10 + 2 + 2  # a table, licences, and how to learn more
    assert "\nNot for commercial use, by licence: Qwen2.5-3B-Instruct.\n" in text
    text = output(tmp_path, "plan", "--max-vram", "8", "--why")
    assert "needs 19,500,000,000 bytes" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_doctor_reports_a_machine_that_can_run(embedded_home: Path) -> None:
    report = document(embedded_home, "doctor", "--max-memory", "2GB")
    assert report["ok"]
    assert report["engine"].startswith("xllamacpp ")
    weights = {w["model"] for w in report["weights"]} - {EMBEDDED_ARTIST}
    assert weights == {EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST}
    assert report["devices"][0]["budget_bytes"] == 2 * 10**9
    assert not any(p["prevents_running"] for p in report["problems"])
    text = output(embedded_home, "doctor")
    assert "Problems" in text
    assert max(map(len, text.splitlines())) <= 80


def test_doctor_tells_chosen_models_apart_from_placed_ones(tmp_path: Path) -> None:
    output(tmp_path, "assign", "translation", EMBEDDED_SPECIALIST)
    assert document(tmp_path, "doctor", "--offline", code=1)["assigned"] == {
        "translation": EMBEDDED_SPECIALIST
    }
    text = output(tmp_path, "doctor", "--offline", code=1)
    assert "\n  assign (devices)" in text
    chosen = text.partition("Models chosen by `airunner assign`\n")[2].partition("\n\n")[0]
    assert chosen.split() == ["translation", EMBEDDED_SPECIALIST]


def test_a_model_whose_file_is_gone_is_told_of_wherever_it_is_looked_for(
    embedded_home: Path, smollm2: Path, tmp_path: Path
) -> None:
    file = tmp_path / "My Model.gguf"
    file.symlink_to(smollm2)
    output(embedded_home, "models", "add", str(file), "--name", "mine")
    output(embedded_home, "assign", "translation", "mine")
    file.unlink()
    gone = f"its file is gone ({file})"
    for command in (
        ("list",),
        ("models", "list"),
        ("models", "show", "mine"),
        ("assign", "translation", "mine"),
    ):
        assert gone in output(embedded_home, *command), command
    (told,) = [p for p in document(embedded_home, "doctor")["problems"] if "mine" in p["what"]]
    assert gone in told["what"]
    serving = document(embedded_home, "models", "list")["serving"]
    (remark,) = [row["remark"] for row in serving if row["wanted"] == "mine"]
    assert "models show mine" in remark
    assert "pull" not in remark
    output(embedded_home, "models", "remove", "mine")


def test_doctor_checks_every_model_of_the_team(embedded_home: Path) -> None:
    small = document(embedded_home, "doctor", "--max-memory", "170MB")["problems"]
    found = {p["id"]: p["what"] for p in small if p["id"].endswith("-too-large")}
    assert EMBEDDED_PRIMARY in found["primary_conversation-too-large"]
    assert EMBEDDED_SPECIALIST in found["prompt_enhancement-too-large"]
    assert "summarization, translation" in found["prompt_enhancement-too-large"]
    assert EMBEDDED_ARTIST in found["image_generation-too-large"]
    keeping = ("--max-memory", "600MB", "--context", "2048", "--keep-in-memory", "summarization")
    (beside,) = document(embedded_home, "doctor", *keeping)["problems"][:1]
    assert beside["id"] == "image_generation-too-large"
    assert f"beside {EMBEDDED_SPECIALIST}, kept in memory" in beside["what"]
    keeping = ("--max-memory", "350MB", "--keep-in-memory", "summarization")
    placed = ("--assign", "summarization=cuda:7")
    prevented = document(embedded_home, "doctor", *keeping, *placed, code=1)["problems"]
    ids = {p["id"] for p in prevented if p["prevents_running"]}
    assert ids == {"kept-too-large", "summarization-placed"}


def test_doctor_finds_what_prevents_running(tmp_path: Path) -> None:
    report = document(tmp_path, "doctor", "--offline", code=1)
    assert not report["ok"]
    (problem,) = [p for p in report["problems"] if p["prevents_running"]]
    assert "--offline" in problem["what"]
    assert problem["remedy"].endswith(f"airunner models pull {EMBEDDED_PRIMARY}")


def test_doctor_finds_a_home_and_an_engine_that_do_not_work(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("#!/bin/sh\necho no such GPU >&2\nexit 3\n")
    file.chmod(0o755)
    home = tmp_path / "home"
    home.symlink_to(tmp_path / "a disk that is not mounted")
    report = document(home, "doctor", "--llama-server", str(file), code=1)
    prevented = [p["what"] for p in report["problems"] if p["prevents_running"]]
    assert any("cannot be written" in what for what in prevented)
    assert any("does not start: no such GPU" in what for what in prevented)


def test_what_only_looks_needs_no_home_that_can_be_written(tmp_path: Path) -> None:
    """A folder below a file can be made by nobody, not even by root."""
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"
    assert document(home, "models", "list")["models"]
    assert document(home, "tools", "list")
    assert output(home, "plan")
    assert output(home, "ps")
    done = CliRunner().invoke(app, ["run", "summarization", "hi", "--home", str(home)])
    assert done.exit_code == 1
    assert "move it away, or choose another folder" in done.output
    assert "Free some space" not in done.output


def test_a_number_alone_is_the_same_size_for_every_flag(tmp_path: Path) -> None:
    planned = output(tmp_path, "plan", "--max-vram", "8", "--why")
    assert "of 8,000,000,000 bytes" in planned
    assert planned == output(tmp_path, "plan", "--max-vram", "8GB", "--why")
    settings = document(tmp_path, "doctor", "--max-memory", "8")["settings"]
    assert [s["shown"] for s in settings if s["name"] == "max_memory"] == ["8.00 GB"]
    done = CliRunner().invoke(app, ["plan", "--max-vram", "6000", "--home", str(tmp_path)])
    assert "6000 of what?" in done.output


def test_a_pipe_has_no_width_in_which_a_path_would_be_folded(tmp_path: Path) -> None:
    home = tmp_path / "a-home-folder-with-a-long-name" / "and-one-more-below-it"
    command = [sys.executable, "-m", "airunner", "doctor", "--home", str(home)]
    environ = {**os.environ}  # readline gives the process a COLUMNS that is not in it
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environ)
    assert f" {home} " in done.stdout
