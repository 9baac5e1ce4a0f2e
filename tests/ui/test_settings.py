"""Settings, rules, MCP servers and keys in a browser, over the files that they are kept in."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.server.conftest import Server, serving
from tests.ui.conftest import Site, expect_to_fit, violations

CLOCK = {
    "command": sys.executable,
    "args": ["-m", "mcp_server_time"],
    "permission": "read",
    "env": {"TOKEN": "secret"},
}
PARTS = ("", "/permissions", "/mcp", "/keys", "/checkup", "/about")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    """A server whose files have something to show, right and wrong."""
    servers = {"clock": CLOCK, "broken": {"command": "a", "url": "http://127.0.0.1:1"}}
    (home / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
    (home / "config.toml").write_text('# Mine.\nparking_disk = "900TB"\nmax_steps = 7\n')
    with serving(home, "--max-memory", "600MB") as found:
        yield found


def row(tab: Page, name: str) -> object:
    return tab.locator(".setting").filter(has=tab.get_by_text(name, exact=True))


def in_file(site: Site) -> dict[str, object]:
    return tomllib.loads((site.server.home / "config.toml").read_text())


def test_a_setting_is_changed_with_keys_alone_and_is_in_the_file(site: Site) -> None:
    tab, other = site.open("/settings"), site.open("/settings")
    expect(tab.get_by_text("from config.toml").first).to_be_visible()
    expect(tab.get_by_text("flag --context")).to_be_visible()
    tab.get_by_label("Search settings").focus()
    tab.keyboard.type("answers tool calls")
    expect(tab.locator(".setting:visible")).to_have_count(1)
    tab.keyboard.press("Tab")
    for _ in range(2):  # the field's own button that clears it lies between
        if tab.evaluate("document.activeElement.ariaLabel") != "Change Max steps":
            tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    field = tab.get_by_label("Max steps: a whole number")
    expect(field).to_be_focused()
    tab.keyboard.press("Control+A")
    tab.keyboard.type("many")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("alert").filter(has_text="Must be a whole number")).to_be_visible()
    assert violations(tab) == []
    tab.keyboard.press("Control+A")
    tab.keyboard.type("15")
    tab.keyboard.press("Enter")
    for window in (tab, other):
        expect(window.get_by_text("15 from the next start on")).to_be_visible()
    expect(tab.locator(".pending")).to_contain_text("Max steps")
    expect(tab.get_by_text("needs a restart")).to_be_visible()
    expect(tab.get_by_role("button", name="Change Max steps")).to_be_focused()
    assert in_file(site)["max_steps"] == 15
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Back to the default (8)").click()
    expect(tab.get_by_text("8 from the next start on")).to_be_visible()
    assert "max_steps" not in in_file(site)
    assert (site.server.home / "config.toml").read_text().startswith("# Mine.")


def test_rules_say_what_they_cover_and_hold_at_once(site: Site) -> None:
    tab, other = site.open("/settings/permissions"), site.open("/settings/permissions")
    expect(tab.get_by_text("Every tool that reaches the network.")).to_be_visible()
    tab.get_by_role("button", name="Add a rule…").click()
    calls = tab.get_by_label("Calls", exact=True)
    calls.fill("rm -rf")
    tab.get_by_role("button", name="Add", exact=True).click()
    expect(tab.get_by_role("alert").filter(has_text="names no tool")).to_be_visible()
    calls.fill("write_file(path=notes/*)")
    tab.get_by_text("Never run it").click()
    tab.get_by_role("button", name="Add", exact=True).click()
    for window in (tab, other):
        expect(window.get_by_text("Calls of write_file, where path fits notes/*.")).to_be_visible()
    assert in_file(site)["permissions"] == {"write_file(path=notes/*)": "deny"}
    with site.server.api as api:
        assert api.get("/permissions").json()["rules"][0]["decision"] == "deny"
    tab.get_by_role("button", name="Remove the rule write_file").click()
    expect(tab.get_by_text("None yet. With a rule")).to_be_visible()
    assert "permissions" not in in_file(site)


def test_mcp_servers_are_tried_added_changed_switched_and_removed(site: Site) -> None:
    tab = site.open("/settings/mcp")
    file = site.server.home / "mcp.json"

    def entries() -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = json.loads(file.read_text())["mcpServers"]
        return found

    expect(tab.get_by_text('it needs either a "command" or a "url"')).to_be_visible()
    tab.get_by_role("button", name="Test clock").click()
    expect(tab.get_by_text("It works. Its tools: clock_get_current_time")).to_be_visible()
    tab.get_by_role("button", name="Edit clock").click()
    dialog = tab.get_by_role("dialog")
    expect(dialog.get_by_label("Variables, one a line")).to_have_value("TOKEN")
    dialog.get_by_label("Command with its arguments").fill(
        f"{sys.executable} -m mcp_server_time --local-timezone 'Europe/Berlin'"
    )
    dialog.get_by_role("button", name="Save").click()
    expect(tab.get_by_text("--local-timezone Europe/Berlin")).to_be_visible()
    assert entries()["clock"]["env"] == {"TOKEN": "secret"}
    assert entries()["clock"]["permission"] == "read"
    tab.get_by_role("switch", name="Use clock").click()
    expect(tab.get_by_text("switched off")).to_be_visible()
    assert entries()["clock"]["disabled"] is True
    tab.get_by_role("button", name="Remove broken").click()
    tab.get_by_role("dialog").last.get_by_role("button", name="Remove").click()
    expect(tab.get_by_role("button", name="Edit broken")).to_have_count(0)
    tab.get_by_role("button", name="Add a server…").click()
    dialog.get_by_label("Name", exact=True).fill("far away")
    dialog.get_by_role("button", name="Address").click()
    dialog.get_by_label("Address", exact=True).fill("http://127.0.0.1:1/mcp")
    assert violations(tab) == []
    dialog.get_by_role("button", name="Save").click()
    expect(tab.get_by_text("used from the next start on", exact=True)).to_be_visible()
    assert list(entries()) == ["clock", "far away"]


def test_a_key_is_shown_once_works_and_is_revoked(site: Site) -> None:
    tab = site.open("/settings/keys")
    tab.get_by_role("button", name="Add a key…").click()
    tab.get_by_label("Name: whose key it is").fill("laptop")
    tab.get_by_text("May manage this server").click()
    tab.get_by_role("button", name="Make the key").click()
    shown = tab.locator(".new-key")
    expect(shown).to_have_text(re.compile("air-.{40,}"))
    key = shown.inner_text()
    assert violations(tab) == []
    site.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.get_by_role("button", name="Copy").click()
    tab.wait_for_function("key => navigator.clipboard.readText().then(t => t === key)", arg=key)
    tab.get_by_role("button", name="I have it").click()
    expect(tab.get_by_text("manages the server")).to_be_visible()
    expect(shown).to_have_count(0)
    assert key not in tab.content()

    def answer() -> int:
        headers = {"Authorization": f"Bearer {key}", "Host": "elsewhere.example"}
        return httpx.get(f"{site.url}/api/v1", headers=headers, trust_env=False).status_code

    with site.server.api as api:
        assert [each["name"] for each in api.get("/keys").json()["keys"]] == ["laptop"]
    tab.get_by_role("button", name="Revoke laptop").click()
    expect(tab.get_by_text("is refused from now on")).to_be_visible()
    tab.get_by_role("dialog").last.get_by_role("button", name="Revoke").click()
    expect(tab.get_by_text("None yet.")).to_be_visible()
    with site.server.api as api:
        assert api.get("/keys").json()["keys"] == []


def test_a_problem_is_mended_by_its_button(site: Site) -> None:
    tab = site.open("/settings/checkup")
    expect(tab.get_by_text("of the 900 TB that may be used")).to_be_visible()
    tab.get_by_role("button", name=re.compile("Use .* of it at most")).click()
    expect(tab.get_by_text("It holds from the next start on.")).to_be_visible()
    assert in_file(site)["parking_disk"] != "900TB"


def test_licences_are_found(site: Site) -> None:
    tab = site.open("/settings/about")
    tab.get_by_label("Search packages, models and licences").fill("SmolLM2")
    expect(tab.locator(".line").first).to_contain_text("SmolLM2")
    expect(tab.locator(".line").first).to_contain_text("apache", ignore_case=True)
    expect(tab.get_by_text("fastapi")).to_have_count(0)


def test_no_part_has_faults_or_is_too_wide(site: Site, phone: Site) -> None:
    for shown, parts in ((site, PARTS), (phone, PARTS[:3])):
        tab = shown.open("/settings")
        for part in parts:
            if part:
                tab.get_by_role("navigation", name="Settings").locator(
                    f'a[href="/settings{part}"]'
                ).click()
            expect(tab.locator(".setup :is(.setting, .line, .hint):visible").first).to_be_visible()
            assert violations(tab) == [], part
            expect_to_fit(tab)
