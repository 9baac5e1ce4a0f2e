"""Specialists that are asked directly, in a real browser with the embedded models."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest
from playwright.sync_api import Page, expect
from tests.ui.conftest import Site, expect_to_fit, violations
from tests.ui.test_hostile import HOSTILE

LONG = "The tower was built in 1889. It is three hundred metres high. " * 60  # two parts

pytestmark = pytest.mark.real


def begin(tab: Page, words: str) -> None:
    tab.get_by_role("button", name=words, exact=True).click()


def test_a_translation_comes_with_who_made_it(site: Site) -> None:
    tab = site.open("/specialists")
    expect(tab.locator(".specialists .hint").first).to_contain_text("does this")
    begin(tab, "Translate")
    expect(tab.get_by_text("Give a text, and the language")).to_be_visible()
    tab.get_by_label("Text", exact=True).fill("Good morning, my friend.")
    begin(tab, "Translate")
    expect(tab.locator(".task-line")).to_contain_text("By SmolLM2")
    expect(tab.locator(".task-answer")).not_to_be_empty()
    assert violations(tab) == []


def test_a_translation_is_stopped(site: Site) -> None:
    tab = site.open("/specialists")
    tab.get_by_label("Text", exact=True).fill(LONG)
    begin(tab, "Translate")
    tab.locator(".task-answer:not(:empty)").wait_for()  # seen sooner than by what is looked at
    begin(tab, "Stop")
    expect(tab.locator(".task-line")).to_have_text("Stopped.")
    expect(tab.get_by_role("button", name="Translate", exact=True)).to_be_enabled()


def test_a_file_is_summarized_part_by_part(site: Site) -> None:
    tab = site.open("/specialists/summarize")
    file = {"name": "tower.txt", "mimeType": "text/plain", "buffer": LONG.encode()}
    tab.locator("input.summary-file").set_input_files([file])  # type: ignore[list-item]
    expect(tab.locator(".named")).to_contain_text("tower.txt")
    begin(tab, "Leave the file out")
    begin(tab, "Summarize")
    expect(tab.get_by_text("Give a text or a file first.")).to_be_visible()
    tab.locator("input.summary-file").set_input_files([file])  # type: ignore[list-item]
    expect(tab.locator(".named")).to_contain_text("tower.txt")
    begin(tab, "Summarize")
    expect(tab.locator(".task-line")).to_contain_text(re.compile(r"Part \d+ of"))
    assert violations(tab) == []
    expect(tab.locator(".task-line")).to_contain_text("By SmolLM2")
    expect(tab.locator(".task-answer")).to_contain_text("Summary of uploads/tower.txt")


@pytest.mark.skipif(find_spec("pydantic_monty") is None, reason="airunner[code] is not installed")
def test_code_runs_and_what_it_prints_is_only_words(site: Site) -> None:
    tab = site.open("/specialists/code")
    code = tab.get_by_label("Code", exact=True)
    code.fill(f"print({HOSTILE[0]!r})\nprint(2 + 3)")
    begin(tab, "Run")
    output = tab.get_by_label("Output")
    expect(output).to_have_text(f"{HOSTILE[0]}\n5")
    expect(tab.locator(".run-code .task-line")).to_contain_text("Ran in")
    code.fill("print('before')\n1 / 0")
    begin(tab, "Run")
    expect(tab.get_by_text("ZeroDivisionError")).to_contain_text("before")
    expect(tab.locator(".run-code .task-line")).to_contain_text("Failed after")
    assert tab.evaluate("window.hacked") is None
    assert violations(tab) == []


def test_code_is_written_where_it_can_be_run(site: Site) -> None:
    tab = site.open("/specialists/code")
    tab.get_by_label("What shall the code do?").fill("print hello")
    begin(tab, "Write code")
    expect(tab.locator(".task-line").first).to_contain_text("By SmolLM2")
    expect(tab.get_by_label("Code", exact=True)).not_to_be_empty()


@pytest.mark.parametrize("part", ["", "/summarize", "/code"])
def test_a_phone_shows_it_too(phone: Site, part: str) -> None:
    tab = phone.open(f"/specialists{part}")
    expect(tab.get_by_role("heading", name="Specialists")).to_be_visible()
    assert violations(tab) == []
    expect_to_fit(tab)
