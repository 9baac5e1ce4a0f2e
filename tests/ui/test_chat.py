"""The chat in a real browser, over a real server and model."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from tests.conftest import Eventually
from tests.ui.conftest import Site, violations

pytestmark = pytest.mark.real

ENDED = re.compile("complete|cut off")


def say(tab: Page, text: str) -> None:
    tab.get_by_label("Message", exact=True).fill(text)
    tab.keyboard.press("Enter")


def answered(tab: Page) -> None:
    expect(tab.get_by_role("status").filter(has_text=ENDED)).to_have_count(1)


def test_an_answer_comes_and_is_there_after_a_reload(site: Site, eventually: Eventually) -> None:
    tab = site.open()
    say(tab, "Hello! <b>Who</b> are you?")
    answered(tab)
    said = tab.locator(".said")
    expect(said).to_have_count(2)
    expect(tab.locator(".live, .turn")).to_have_count(0)
    words = said.all_inner_texts()
    expect(tab.locator(".said.user .text")).to_have_text("Hello! <b>Who</b> are you?")
    tab.reload()
    eventually(lambda: said.all_inner_texts() == words)
    expect(tab.locator(".conversation[aria-current=page]")).to_have_count(1)


def test_axe_finds_nothing_on_a_phone(phone: Site) -> None:
    tab = phone.open()
    say(tab, "Hello!")
    answered(tab)
    assert violations(tab) == []


def test_who_is_here_for_the_first_time_is_led_to_a_real_team(site: Site) -> None:
    tab = site.open()
    expect(tab.locator(".first-run")).to_contain_text("is no assistant")
    link = tab.get_by_role("link", name="Get a real team of models")
    assert link.get_attribute("href") == "/download-models"
