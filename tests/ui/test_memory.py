"""What the memory does, seen in a browser while models come and go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.server.conftest import Server, serving
from tests.ui.conftest import Site, expect_to_fit, violations

from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST
from airunner.models.spec import short_name


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    """A server with room for one of the two models."""
    with serving(home, "--max-memory", "400MB") as found:
        yield found


def test_models_that_come_and_go_are_seen_with_bytes_and_reasons(site: Site) -> None:
    primary, specialist = short_name(EMBEDDED_PRIMARY), short_name(EMBEDDED_SPECIALIST)
    tab = site.open("/memory")
    rows = tab.locator(".model")
    row = rows.filter(has=tab.get_by_text(primary, exact=True))
    with site.server.api as api:
        api.post("/load", json={"model": EMBEDDED_PRIMARY}).raise_for_status()
        expect(row).to_contain_text("MB on cpu")
        expect(tab.locator(".strip .chip", has_text=primary).first).to_be_visible()
        api.post("/load", json={"model": EMBEDDED_SPECIALIST}).raise_for_status()
    expect(rows.filter(has=tab.get_by_text(specialist, exact=True))).to_contain_text("ready")
    row.get_by_text("Why?").click()
    expect(row).to_contain_text("makes room for")
    row.get_by_role("button", name=f"Load {primary}").click()
    expect(row.get_by_role("button", name=f"Let go {primary}")).to_be_visible()
    expect(tab.locator(".timeline polygon")).to_have_count(2)
    expect(tab.locator(".decisions li").first).to_contain_text("needed")
    assert violations(tab) == []


def test_a_phone_shows_it_too(phone: Site) -> None:
    with phone.server.api as api:
        api.post("/load", json={"model": EMBEDDED_PRIMARY}).raise_for_status()
    tab = phone.open("/memory")
    expect(tab.locator(".model").first).to_be_visible()
    name = tab.locator(".strip .chip .name").first
    expect(name).to_have_text(short_name(EMBEDDED_PRIMARY))
    assert name.evaluate("each => each.scrollWidth <= each.clientWidth"), "it is cut off"
    expect(name).to_have_attribute("title", short_name(EMBEDDED_PRIMARY))
    expect(name).to_be_in_viewport(ratio=1)
    expect_to_fit(tab)
    assert violations(tab) == []
