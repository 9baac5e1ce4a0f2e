"""A server that others can reach asks a browser for its key."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect
from tests.server.conftest import Server, command, serving
from tests.ui.conftest import site_of

from airunner.ui.sign_in import add_sign_in


@pytest.fixture(scope="module")
def locked(home: Path) -> Iterator[tuple[Server, str]]:
    """A server that all may reach who have a key."""
    line, environ = command(home, "keys", "add", "me", "--manage")
    made = subprocess.run(line, env=environ, capture_output=True, text=True, check=True)
    with serving(home, "--host", "0.0.0.0") as found:
        yield found, made.stdout.split()[0]


def test_a_browser_beyond_this_machine_signs_in(
    locked: tuple[Server, str], browser: Browser
) -> None:
    server, key = locked
    with site_of(server, browser) as site:
        tab = site.context.new_page()
        tab.goto(f"{site.url}/chat")
        tab.get_by_label("Key").fill("wrong")
        tab.get_by_role("button", name="Sign in").click()
        expect(tab.get_by_text("This key is not known here.")).to_be_visible()
        tab.get_by_label("Key").fill(key)
        tab.get_by_role("button", name="Sign in").click()
        expect(tab.get_by_label("Message", exact=True)).to_be_visible()
        assert "airunner_key" not in tab.evaluate("document.cookie")


@pytest.mark.parametrize("typed", ["schlüssel", "a–b", "\U0001f511", "\ud55c", "a\0b", "a\r\nb"])
def test_what_can_be_no_key_is_told_so(typed: str) -> None:
    app = FastAPI()
    add_sign_in(app, "/chat")
    asked = TestClient(app, follow_redirects=False)
    answer = asked.post("/sign-in", data={"key": typed})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?wrong")
    assert "set-cookie" not in answer.headers
    assert asked.post("/sign-in", data={"key": "abc"}).headers["location"] == "/chat"
