"""The page as an app: what an installed one needs, and a server that is out of reach or ended."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect
from tests.server.conftest import Server, serving
from tests.ui.conftest import Site, site_of

pytestmark = pytest.mark.real

LOST_S = 20
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without models."""
    with serving(tmp_path_factory.mktemp("home")) as found:
        yield found


def test_it_can_be_installed_and_has_icons_of_the_sizes_it_says(site: Site) -> None:
    tab = site.open("/chat")
    manifest = site.context.request.get(f"{site.url}/static/manifest.json").json()
    assert tab.locator('link[rel="manifest"]').get_attribute("href") == "/static/manifest.json"
    sizes = []
    for icon in manifest["icons"]:
        if icon["type"] == "image/png":
            data = site.context.request.get(site.url + icon["src"]).body()
            with Image.open(io.BytesIO(data)) as picture:
                assert f"{picture.width}x{picture.height}" == icon["sizes"]
            sizes.append((icon["sizes"], icon["purpose"]))
    assert {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")} <= set(sizes)
    touch = tab.locator('link[rel="apple-touch-icon"]').get_attribute("href")
    assert site.context.request.get(f"{site.url}{touch}").ok
    protocol = site.context.new_cdp_session(tab)
    problems = protocol.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {each["errorId"] for each in problems} <= {"in-incognito"}  # as every context here is


def test_the_browsers_bar_has_the_colour_of_the_theme(site: Site) -> None:
    tab = site.open("/chat")
    colour = 'document.querySelector("meta[name=theme-color]:not([media])").content'
    tab.wait_for_function(colour.replace(").", ")?."))
    before = tab.evaluate(colour)
    tab.get_by_role("button", name="Light or dark").click()
    tab.wait_for_function(f"before => {colour} !== before", arg=before)


def test_a_window_that_loses_the_server_for_a_while_goes_on_where_it_was(site: Site) -> None:
    tab = site.open("/notes")
    tab.get_by_role("button", name="New note…").click()
    tab.get_by_label("Title").fill("Half a note")
    tab.evaluate("window.notLoadedAnew = performance.now()")
    site.context.set_offline(True)
    expect(tab.locator(".connection")).to_contain_text("This device is offline")
    with site.server.api as api:
        api.post("/notes", json={"title": "Meanwhile", "text": "x"}).raise_for_status()
    tab.wait_for_function(f"performance.now() - notLoadedAnew > {LOST_S * 1000}")
    tab.get_by_label("Text").fill("written without a connection")
    site.context.set_offline(False)
    expect(tab.locator(".connection")).to_be_hidden()
    expect(tab.get_by_text("Meanwhile")).to_be_visible()
    tab.get_by_role("button", name="Save").click()
    expect(tab.get_by_role("button", name="Open Half a note")).to_be_visible()
    assert tab.evaluate("notLoadedAnew > 0")
    with site.server.api as api:
        texts = {note["title"]: note["text"] for note in api.get("/notes").json()["notes"]}
    assert texts["Half a note"] == "written without a connection"


TOP = "topOf(pieces().at(-1))"
IS_DRAWN = """[0, -1].map((at) =>
  pieces().at(at).firstElementChild.checkVisibility({ contentVisibilityAuto: true }))"""


def test_a_window_says_when_the_server_has_ended_and_moves_nobody(
    tmp_path: Path, browser: Browser
) -> None:
    long = "\n\n".join(map(str, range(100)))
    said = [{"role": "user", "content": words} for words in ("And?",) * 60 + (long,)]
    talk = {"id": "7" * 32, "title": "Long", "created_s": 1.0, "updated_s": 1.0, "messages": said}
    told = {"format": "airunner.conversations", "version": 1, "conversations": [talk]}
    with serving(tmp_path) as server, site_of(server, browser) as site:
        with server.api as api:
            files = {"file": ("talks.json", json.dumps(told).encode())}
            api.post("/conversations/import", files=files).raise_for_status()
        tab = site.open(f"/chat/{talk['id']}")
        tab.wait_for_function("scrollY > 500 && atEnd")
        assert tab.evaluate(IS_DRAWN) == [False, True], "what is far above costs nothing"
        tab.evaluate("scrollBy(0, -300)")
        tab.wait_for_function("!atEnd")
        place = tab.evaluate(TOP)
        tab.reload()  # which another server at this address has the page do
        tab.wait_for_function(f"() => Math.abs({TOP} - {place}) < 1 && !atEnd")
        tab.evaluate("scrollTo(0, document.body.scrollHeight - innerHeight - 40)")
        tab.wait_for_function("atEnd && below > 30")
        place, height = tab.evaluate("[scrollY, document.body.scrollHeight]")
        server.process.terminate()
        server.process.wait(timeout=300)
        expect(tab.locator(".connection")).to_contain_text("AI Runner has ended")
        tab.wait_for_function(f"document.body.scrollHeight > {height}")
        tab.evaluate(DRAWN)
        assert tab.evaluate("scrollY") == place
        expect(tab.locator(".said.user").last).to_contain_text("99")
