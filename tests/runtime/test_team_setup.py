from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.weights.conftest import FileServer

from airunner.engines.known import known_engines
from airunner.errors import UnmappedCapabilityError
from airunner.events import EventBus
from airunner.models.assign import auto_assign
from airunner.models.catalog import Catalog, Resolution
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.runtime.team_setup import TeamMember, TeamProposal, propose_team, to_assign
from airunner.weights.offer import SPEED_BYTES, Offer, measured_speed
from airunner.weights.store import ModelStore

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
TRANSLATION, SUMMARIZATION = ModelCapability.TRANSLATION, ModelCapability.SUMMARIZATION
SMALL = ModelSpec("small", [TRANSLATION, SUMMARIZATION], gpu_memory_gb=1, priority=10)
BIG = ModelSpec("big", [TRANSLATION, SUMMARIZATION], gpu_memory_gb=4, priority=90)
REGISTRY = {spec.model_path: spec for spec in (SMALL, BIG)}
BOTH = (TRANSLATION, SUMMARIZATION)


def test_what_would_not_serve_by_itself_is_assigned() -> None:
    plan = auto_assign(REGISTRY, 2 * 10**9, capabilities=BOTH)
    serving = {TRANSLATION: Resolution(BIG, BIG), SUMMARIZATION: Resolution(SMALL, BIG)}
    resolve = serving.__getitem__
    assert to_assign(plan, resolve, ["small", "big"], None) == {TRANSLATION: "small"}
    assert to_assign(plan, resolve, ["big"], None) == {}, "what could not be fetched serves nobody"

    def nobody(capability: ModelCapability) -> Resolution:
        raise UnmappedCapabilityError(capability.value)

    assert to_assign(plan, nobody, ["small"], None) == dict.fromkeys(BOTH, "small")


def test_a_primary_that_the_settings_name_stays() -> None:
    talks = replace(SMALL, capabilities=[PRIMARY])
    plan = auto_assign({"small": talks}, 2 * 10**9, capabilities=[PRIMARY])
    resolve = {PRIMARY: Resolution(BIG, BIG)}.__getitem__
    assert to_assign(plan, resolve, ["small"], None) == {PRIMARY: "small"}
    assert to_assign(plan, resolve, ["small"], "big") == {}


def test_a_model_that_cannot_be_had_is_passed_over_with_the_reason() -> None:
    refused = lambda spec: "gated: sign in" if spec is BIG else ""  # noqa: E731
    plan = auto_assign(REGISTRY, 9 * 10**9, capabilities=BOTH, refused=refused)
    assert set(plan.mapping.values()) == {"small"}
    (passed_over,) = plan.choices[0].rejected
    assert (passed_over.model, passed_over.reason) == ("big", "gated: sign in")


def test_what_would_be_preferred_and_is_gated_is_told(tmp_path: Path) -> None:
    gated = replace(BIG, gated=True)
    less = replace(SMALL, model_path="less", priority=1, gated=True)
    catalog = Catalog({s.model_path: s for s in (SMALL, gated, less)}, {}, known_engines().traits)
    store = ModelStore(tmp_path, catalog, EventBus(), offline=True)

    def planned(budget_bytes: int) -> TeamProposal:
        refused = lambda spec: "gated: sign in" if spec.gated else ""  # noqa: E731
        plan = auto_assign(catalog.registry, budget_bytes, capabilities=BOTH, refused=refused)
        return propose_team(plan, catalog, store)

    assert planned(9 * 10**9).gated == (("big", "gated: sign in"),)
    assert planned(2 * 10**9).gated == (), "it would not fit either"


def test_an_assigned_model_comes_first_if_it_fits() -> None:
    wanted = {TRANSLATION: "small", SUMMARIZATION: "big"}
    plan = auto_assign(REGISTRY, 9 * 10**9, capabilities=BOTH, assigned=wanted)
    assert plan.mapping == wanted
    assert "assigned" in plan.choices[0].reason
    less = auto_assign(REGISTRY, 2 * 10**9, capabilities=BOTH, assigned=wanted)
    assert set(less.mapping.values()) == {"small"}


def proposal(*offers: Offer, **figures: float) -> TeamProposal:
    members = [TeamMember(o.model, (), None, "MIT", "", o) for o in offers]
    empty = TeamProposal(1, 1, tuple(members), (), (), None, 100)
    return replace(empty, **figures)


def test_only_what_is_missing_and_can_be_had_is_counted() -> None:
    here, wanted = Offer("a", True, 50), Offer("b", False, 60)
    gone = Offer("c", False, 70, problem="no", unreachable=True)
    team = proposal(here, wanted, gone, bytes_per_s=6.0)
    assert [m.model for m in team.missing] == ["b", "c"]
    assert (team.fetch_bytes, team.seconds, team.unreachable) == (60, 10.0, True)
    assert team.fits_on_disk
    assert not proposal(wanted, free_bytes=59).fits_on_disk
    assert proposal(wanted).seconds is None


def test_the_speed_is_measured_on_the_file_itself(server: FileServer) -> None:
    server.files["/a"] = bytes(1_000_000)
    ticks = iter((0.0, *[0.5] * 1000))
    assert measured_speed(f"{server.url}/a", lambda: next(ticks)) == 2_000_000
    assert server.requests == [("/a", f"bytes=0-{SPEED_BYTES - 1}")]


@pytest.mark.parametrize("path", ["/nothing", "/empty", "/odd"])
def test_a_file_that_does_not_come_has_no_speed(server: FileServer, path: str) -> None:
    server.files["/empty"] = b""
    server.odd["/odd"] = (500, {}, [])
    assert measured_speed(f"{server.url}{path}") is None
    assert measured_speed("http://127.0.0.1:9/a") is None
