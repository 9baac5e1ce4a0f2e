"""Getting models in a browser, from a hub of our own; giving them their work; removing them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.engines.space_prefix_model import write_space_prefix_model
from tests.server.conftest import Server, serving
from tests.ui.conftest import Site, expect_to_fit, site_of, violations
from tests.weights.conftest import FileServer, model_hub

PRIMARY, SPECIALIST = "Qwen3-8B", "Qwen2.5-3B-Instruct"
ODD = 'odd-<img src="http://127.0.0.1:1/x">.gguf'
FILES = {
    "Qwen/Qwen3-8B-GGUF": ["Qwen3-8B-Q4_K_M.gguf"],
    "Qwen/Qwen2.5-3B-Instruct-GGUF": ["qwen2.5-3b-instruct-q4_k_m.gguf"],
    "someone/Some-Model-GGUF": ["some-Q4_K_M.gguf", "some-Q8_0.gguf", "some-F16.gguf", ODD],
}
PARTS = ("", "/all", "/hub", "/roles")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that llama.cpp has fetched for itself, in its folder."""
    path = tmp_path_factory.mktemp("llama.cpp") / "acme_other-gguf_other.gguf"
    return write_space_prefix_model(path)


@pytest.fixture(scope="module")
def hub(tiny: Path) -> Iterator[FileServer]:
    """A hub with two models of the team, and one that nobody has registered."""
    with model_hub(FILES, tiny.read_bytes()) as state:
        yield state


@pytest.fixture(scope="module")
def server(home: Path, hub: FileServer, tiny: Path) -> Iterator[Server]:
    """A server that asks that hub and has room for a real team."""
    variables = {"HF_ENDPOINT": hub.url, "LLAMA_CACHE": str(tiny.parent), "HF_HOME": str(home)}
    # With five threads no model of that size is slow, whatever this machine has.
    room = ("--max-memory", "6GB", "--threads", "5")
    with serving(home, *room, "--no-offline", **variables) as found:
        yield found


def entry(tab: Page, model: str) -> Locator:
    return tab.locator(".entry").filter(has=tab.get_by_text(model, exact=True))


def role(tab: Page, name: str) -> Locator:
    return tab.locator(".role").filter(has=tab.get_by_text(name, exact=True))


def test_a_team_is_got_with_pause_and_resume_given_work_and_removed(
    site: Site, hub: FileServer
) -> None:
    tab = site.open("/download-models")
    expect(tab.get_by_text("is no assistant")).to_be_visible()
    row = tab.get_by_role("row").filter(has_text=PRIMARY)
    expect(row).to_contain_text("5.00 GB")
    expect(row).to_contain_text("Apache-2.0")
    expect(row).to_contain_text("Fits")
    expect(tab.get_by_text("To fetch:")).to_be_visible()
    other = tab.get_by_role("row").filter(has_text="Writing code")
    expect(other).to_contain_text("Cannot be had now: there is no such repository")

    hub.hold_after = 50_000
    tab.get_by_role("button", name="Get this team").click()
    queue = tab.locator(".queue")
    expect(queue.get_by_role("progressbar", name=PRIMARY)).to_be_visible()
    expect(row).to_contain_text("on its way")
    queue.get_by_role("button", name=f"Pause: {PRIMARY}").click()
    expect(entry(tab, PRIMARY)).to_contain_text("Paused")
    tab.reload()
    expect(entry(tab, PRIMARY)).to_contain_text("Paused")
    assert violations(tab) == []
    hub.hold_after = None
    hub.go_on.set()
    queue.get_by_role("button", name=f"Resume: {PRIMARY}").click()
    expect(entry(tab, PRIMARY)).to_contain_text("Done")
    expect(entry(tab, SPECIALIST)).to_contain_text("Done")
    assert any(span for path, span in hub.requests if "Qwen3-8B" in path and span)
    expect(tab.get_by_text("is no assistant")).to_be_hidden()
    queue.get_by_role("button", name=f"Clear: {PRIMARY}").click()
    expect(queue.get_by_text(PRIMARY, exact=True)).to_have_count(0)

    tab.get_by_role("link", name="Who does what").click()
    expect(role(tab, "Conversation")).to_contain_text(f"{PRIMARY} does it.")
    expect(role(tab, "Translation")).to_contain_text(f"{SPECIALIST} does it.")
    tab.get_by_label("Model for Translation").click()
    tab.get_by_role("option", name=PRIMARY, exact=True).click()
    expect(role(tab, "Translation")).to_contain_text(f"{PRIMARY} does it.")
    file = tomllib.loads((site.server.home / "config.toml").read_text())
    assert file["capabilities"]["translation"] == f"Qwen/{PRIMARY}"
    other = site.open("/download-models/roles")
    expect(role(other, "Translation")).to_contain_text(f"{PRIMARY} does it.")
    role(tab, "Translation").get_by_role("switch").click()
    expect(role(other, "Translation").get_by_role("switch")).to_be_checked()
    file = tomllib.loads((site.server.home / "config.toml").read_text())
    assert file["keep_in_memory"] == ["translation"]
    other.goto(f"{site.url}/download-models/all")
    with site.server.api as api:
        expect(role(tab, "Translation").get_by_role("switch")).to_be_checked()
        tab.reload()
        expect(role(tab, "Translation").get_by_role("switch")).to_be_checked()
        kept = {row["capability"] for row in api.get("/models").json()["serving"] if row["kept"]}
    assert kept == {"translation"}

    tab.get_by_role("link", name="All models").click()
    tab.get_by_label("Search these models").fill(SPECIALIST)
    shown = tab.get_by_role("listitem").filter(has_text="disk")
    expect(shown).to_have_count(1)
    tab.get_by_role("button", name=f"Details {SPECIALIST}").click()
    expect(tab.get_by_role("dialog").get_by_role("row").nth(1)).to_contain_text("tokens")
    tab.get_by_role("dialog").get_by_label("Close").click()
    expect(tab.get_by_role("dialog")).to_have_count(0)
    tab.get_by_role("button", name=f"Remove {SPECIALIST}").press("Enter")
    expect(tab.get_by_role("dialog").last).to_contain_text("frees")
    tab.get_by_role("dialog").last.get_by_role("button", name="Remove", exact=True).press("Enter")
    for window in (tab, other):
        expect(window.get_by_role("button", name=f"Download {SPECIALIST}")).to_be_visible()
    expect(tab.get_by_role("button", name=f"Details {SPECIALIST}")).to_be_focused()
    assert not list((site.server.home / "models").glob(f"*{SPECIALIST}*/*.gguf"))


def test_the_hub_is_searched_and_a_model_of_it_is_added_and_checked(
    site: Site, hub: FileServer
) -> None:
    tab = site.open("/download-models/hub")
    tab.get_by_label("Search the hub").fill("some")
    tab.keyboard.press("Enter")
    result = tab.get_by_role("listitem").filter(has_text="Some-Model-GGUF")
    expect(result.locator(".entry").first).to_contain_text("the usual choice")
    expect(result.locator(".entry").first).to_contain_text("Fits")
    result.get_by_role("button", name="Show 1 more file of").click()
    expect(result.get_by_text(ODD)).to_be_visible()
    assert violations(tab) == []
    result.get_by_role("button", name="Download some-Q8_0.gguf").click()
    expect(entry(tab, "Some-Model-GGUF").first).to_contain_text("Done")
    tab.goto(f"{site.url}/download-models/all")
    tab.get_by_role("button", name="Verify Some-Model-GGUF").click()
    expect(tab.locator(".queue")).to_contain_text("as published")
    tab.get_by_role("button", name="Remove Some-Model-GGUF").click()
    expect(tab.get_by_role("dialog").last).to_contain_text("leaves this list")
    tab.get_by_role("dialog").last.get_by_role("button", name="Remove", exact=True).click()
    expect(tab.get_by_role("button", name="Remove Some-Model-GGUF")).to_have_count(0)


def test_a_download_that_fails_says_why_and_is_tried_again(site: Site, hub: FileServer) -> None:
    repo = "Qwen/Qwen2.5-3B-Instruct-GGUF"
    listing = hub.files.pop(f"/api/models/{repo}/revision/main")
    tab = site.open("/download-models/all")
    tab.get_by_role("button", name=f"Download {SPECIALIST}").click()
    expect(tab.locator(".queue")).to_contain_text("There is no such file")
    hub.files[f"/api/models/{repo}/revision/main"] = listing
    tab.get_by_role("button", name=f"Retry: {SPECIALIST}").click()
    queued = tab.locator(".queue .entry").filter(has_text=SPECIALIST)
    expect(queued).to_contain_text("Done")  # as others there are
    with site.server.api as api:
        api.delete(f"/models/Qwen/{SPECIALIST}").raise_for_status()


def test_what_another_program_has_is_used_where_it_lies(site: Site, tiny: Path) -> None:
    tab = site.open("/download-models/all")
    there = tab.locator("section").filter(has_text="Already on this machine")
    expect(there).to_contain_text("llama.cpp")
    there.get_by_role("button", name="Add ").first.click()
    expect(there).to_be_hidden()
    row = entry(tab, tiny.stem)
    expect(row).to_contain_text("on disk")
    row.get_by_role("button", name="Load").click()
    expect(tab.get_by_text(f"{tiny.stem} is in memory.")).to_be_visible()
    row.get_by_role("button", name="Remove").click()
    expect(tab.get_by_role("dialog").last).to_contain_text("Nothing is freed")
    tab.get_by_role("dialog").last.get_by_role("button", name="Remove", exact=True).click()
    expect(row).to_have_count(0)
    expect(there).to_be_visible()
    assert tiny.exists()


@pytest.mark.parametrize("part", PARTS)
def test_each_part_can_be_used_by_everybody(site: Site, phone: Site, part: str) -> None:
    for where in (site, phone):
        tab = where.open(f"/download-models{part}")
        expect(tab.locator("[role=listitem], table, form").first).to_be_visible()
        expect_to_fit(tab)
        assert violations(tab) == []


def test_offline_the_page_says_so(
    tmp_path: Path, home: Path, browser: Browser, server: Server
) -> None:
    (tmp_path / "models").symlink_to(home / "models")
    with serving(tmp_path, "--max-memory", "6GB") as alone, site_of(alone, browser) as site:
        tab = site.open("/download-models")
        expect(tab.get_by_text("There is no connection to the hub")).to_be_visible()
        tab.get_by_role("link", name="From the hub").click()
        expect(tab.get_by_text("is told to stay offline")).to_be_visible()
