"""The walk through the page that the manual describes, with the keyboard alone.

Each step is found by what a screen reader is told: a role and a name.
"""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect
from tests.ui.conftest import Site, violations

MOST_STEPS = 60


def tab_to(tab: Page, name: str, key: str = "Tab") -> None:
    """Press ``Tab`` until what has the focus is called ``name``; it is seen to have the focus."""
    for _ in range(MOST_STEPS):
        tab.keyboard.press(key)
        if name == tab.evaluate(NAME):
            assert tab.evaluate("document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"{name} is not reached by {key}")


NAME = "(document.activeElement.ariaLabel ?? document.activeElement.innerText).trim()"


def test_a_chat_is_held_found_and_left_without_a_mouse(site: Site) -> None:
    tab = site.open("/chat")
    expect(tab.get_by_role("textbox", name="Message", exact=True)).to_be_focused()
    tab.keyboard.type("Say hello to the lighthouse")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile("/chat/.+"))
    expect(tab.locator(".said.assistant:not(.live)")).to_have_count(1)
    tab_to(tab, "Copy", "Shift+Tab")
    tab.keyboard.press("Control+Shift+O")
    expect(tab).to_have_url(re.compile("/chat$"))
    tab.keyboard.press("Control+K")
    expect(tab.get_by_role("searchbox", name="Search conversations")).to_be_focused()
    tab.keyboard.type("lighthouse")
    expect(tab.locator(".conversation.found").first).to_be_visible()
    for _ in range(4):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.matches('a.conversation')"):
            break
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile("/chat/.+"))
    expect(tab.get_by_text("Say hello to the lighthouse").last).to_be_visible()


def test_the_way_to_every_page_and_back_to_its_content(site: Site) -> None:
    tab = site.open("/memory")
    tab.keyboard.press("Tab")
    assert tab.evaluate(NAME) == "Skip to the content"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.matches('.middle')")
    for place in tab.locator("a.place").all():
        name = place.inner_text().splitlines()[-1]
        place.focus()
        tab.keyboard.press("Enter")
        expect(tab.locator('a.place[aria-current="page"]')).to_contain_text(name)
    tab.keyboard.press("Escape")
    tab.locator("a.place", has_text="Notes").focus()
    tab.keyboard.press("Enter")
    tab_to(tab, "New note…")
    tab.keyboard.press("?")
    keys = tab.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    assert violations(tab) == []
    tab.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("textbox", name="Title")).to_be_focused()
    tab.keyboard.type("By hand")
    tab.keyboard.press("Tab")
    tab.keyboard.type("Written without a mouse.")
    tab_to(tab, "Save")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name="Open By hand")).to_be_visible()
    tab_to(tab, "Open By hand")
    tab.keyboard.press("Enter")
    tab_to(tab, "Delete…")
    tab.keyboard.press("Enter")
    tab_to(tab, "Delete")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("No notes yet.")).to_be_visible()


def test_a_screen_reader_is_told_where_one_is(site: Site) -> None:
    tab = site.open("/settings")
    expect(tab.locator("body")).to_match_aria_snapshot(
        """
        - link "Skip to the content"
        - banner:
          - button "Navigation"
          - button "Keys"
          - button "Light or dark"
        - complementary:
          - navigation "Navigation":
            - link "Settings"
        - main:
          - heading "Settings" [level=1]
          - navigation "Settings":
            - link "All settings"
            - link "Permissions"
          - searchbox "Search settings"
          - heading "Memory and devices" [level=2]
          - button "Change Max memory"
        """
    )
