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
from airunner.cli.exit_codes import ExitCode
from airunner.resources.keeping import LONGEST_S
from airunner.resources.status import Status
from airunner.server.metrics import Metrics
from airunner.server.serving import PATIENCE_S

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
IMAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]


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


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DEPLOY / "airunner.service")
    return parser["Service"]


def commands() -> list[list[str]]:
    """What the unit and both images start."""
    started = shlex.split(unit()["ExecStart"])
    assert Path(started[0]).name == "airunner"
    images = [json.loads(line) for line in re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)]
    assert len(images) == 2
    return [started[1:], *images]


def test_a_unit_that_was_told_to_stop_has_not_failed_and_ends_its_workers_last() -> None:
    service = unit()
    assert service["SuccessExitStatus"] == str(int(ExitCode.TERMINATED))
    assert service["RestartPreventExitStatus"] == str(int(ExitCode.USAGE))
    assert service["KillMode"] == "mixed"
    assert float(service["TimeoutStopSec"]) > PATIENCE_S + LONGEST_S


@pytest.mark.parametrize("image", IMAGES, ids=lambda text: text.split()[2])
def test_an_image_reaps_the_dead_and_keeps_all_that_lasts_in_its_volume(image: str) -> None:
    assert 'ENTRYPOINT ["tini", "--", "airunner"]' in image
    assert re.search(r"apt-get install .* tini\b", image)
    assert "ENV HOME=/data AIRUNNER_HOME=/data" in image, "settings and pictures are below HOME"
    assert "VOLUME /data" in image


def test_an_index_that_has_one_package_is_asked_for_no_other() -> None:
    assert "EXTRA_INDEX" not in DOCKERFILE
    assert "extra-index" not in DOCKERFILE
    assert len(re.findall(r"--index-url \S+ '[a-z]+>=[^' ]+'", DOCKERFILE)) == 2


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
