"""What stands under `deploy/` fits the program: its commands, its metrics, its folders."""

from __future__ import annotations

import configparser
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from airunner.cli.app import app
from airunner.resources.status import Status
from airunner.server.metrics import Metrics

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def metric_names() -> set[str]:
    text = Metrics().text(Status((), ()), {}).decode()
    names = set(re.findall(r"^# TYPE (airunner_\w+) ", text, re.MULTILINE))
    return names | {f"{name}_bucket" for name in names}


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"airunner_\w+", target["expr"])
    }
    assert len(asked) > 10
    assert asked <= metric_names()
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
    assert len(places) == len(set(places))


def test_the_page_names_every_metric() -> None:
    page = (ROOT / "docs/server.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(airunner_\w+)`", page))
    counted = {name for name in metric_names() if not name.endswith(("_bucket", "_created"))}
    assert named == counted


def commands() -> list[list[str]]:
    """What the unit and both images start."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.read(DEPLOY / "airunner.service")
    started = shlex.split(unit["Service"]["ExecStart"])
    assert Path(started[0]).name == "airunner"
    images = [json.loads(line) for line in re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)]
    assert len(images) == 2
    return [started[1:], *images]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_what_is_started_is_understood(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0, result.output


def test_what_is_composed_is_in_the_dockerfile() -> None:
    composed: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    targets = set(re.findall(r"^FROM \S+ AS (\w+)$", DOCKERFILE, re.MULTILINE))
    named = {json.loads(line)[4] for line in re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)}
    assert named == {"airunner"}
    services = composed["services"].values()
    assert {service["build"]["target"] for service in services} == targets
    assert {profile for service in services for profile in service["profiles"]} == targets
    for name, service in composed["services"].items():
        assert name == "airunner" or "airunner" in service["networks"]["default"]["aliases"]
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        assert {volume.partition(":")[0] for volume in service["volumes"]} <= set(
            composed["volumes"]
        )


def test_what_the_images_install_from_is_not_ignored() -> None:
    kept = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    assert {"src", "pyproject.toml", "README.md", "LICENSE"} <= kept
    assert all((ROOT / name).exists() for name in kept)
