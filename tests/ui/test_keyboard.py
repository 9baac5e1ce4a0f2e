"""The walk through the page that the manual describes, with the keyboard alone.

Each step is found by what a screen reader is told: a role and a name.
"""

from __future__ import annotations

import json
import re

from playwright.sync_api import Locator, Page, expect
from tests.ui.conftest import Site, violations
from tests.ui.test_notes import remind_soon

MOST_STEPS = 60


def tab_to(tab: Page, name: str, key: str = "Tab") -> None:
    """Press ``Tab`` until a button called ``name`` has the focus; it is seen to have it."""
    expect(tab.get_by_role("button", name=name, exact=True).last).to_be_visible()
    for _ in range(MOST_STEPS):
        tab.keyboard.press(key)
        if name == tab.evaluate(NAME):
            assert tab.evaluate("document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"{name} is not reached by {key}")


def message(tab: Page) -> Locator:
    """The field of the chat, which takes the focus when a chat is opened."""
    return tab.get_by_role("textbox", name="Message", exact=True)


NAME = "(document.activeElement.ariaLabel ?? document.activeElement.innerText).trim()"


def test_a_chat_is_held_found_and_left_without_a_mouse(site: Site) -> None:
    tab = site.open("/chat")
    expect(message(tab)).to_be_focused()
    tab.keyboard.type("Say hello to the lighthouse")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile("/chat/.+"))
    expect(tab.locator(".said.assistant:not(.live)")).to_have_count(1)
    tab_to(tab, "Copy", "Shift+Tab")
    tab.keyboard.press("Control+Shift+O")
    expect(tab).to_have_url(re.compile("/chat$"))
    expect(message(tab)).to_be_focused()
    tab.keyboard.press("Control+K")
    expect(tab.get_by_role("searchbox", name="Search conversations")).to_be_focused()
    tab.keyboard.insert_text("lighthouse")
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
    expect(tab.locator(".middle")).to_be_focused()
    for place in tab.locator("a.place").all():
        name = place.inner_text().splitlines()[-1]
        place.press("Enter")
        expect(tab.locator('a.place[aria-current="page"]')).to_contain_text(name)
        if name == "Chat":
            expect(message(tab)).to_be_focused()
    tab.keyboard.press("Escape")
    tab.locator("a.place", has_text="Notes").press("Enter")
    tab_to(tab, "New note…")
    tab.keyboard.press("?")
    keys = tab.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    assert violations(tab) == []
    tab.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    expect(tab.get_by_role("button", name="New note…")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("textbox", name="Title")).to_be_focused()
    tab.keyboard.type("By hand")
    tab.keyboard.press("Tab")
    tab.keyboard.type("Written without a mouse.")
    tab_to(tab, "Save")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name="Open By hand")).to_be_visible()
    expect(tab.get_by_role("dialog")).to_have_count(0)
    tab_to(tab, "Open By hand")
    tab.keyboard.press("Enter")
    tab_to(tab, "Delete…")
    tab.keyboard.press("Enter")
    tab_to(tab, "Delete")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("No notes yet.")).to_be_visible()


def press(tab: Page, name: str) -> None:
    """Press the button of this name with the keyboard."""
    tab.get_by_role("button", name=name, exact=True).last.press("Enter")


def test_conversations_are_filed_and_found_and_folders_renamed_and_removed(site: Site) -> None:
    said = {"role": "user", "content": "How long is its tusk?"}
    talks = [
        {"id": f"{n}" * 32, "title": title, "created_s": 1.0, "updated_s": 1.0, "messages": [said]}
        for n, title in enumerate(("Narwhals", "Walruses"), 1)
    ]
    told = {"format": "airunner.conversations", "version": 1, "conversations": talks}
    tab = site.open("/settings/about")
    with site.server.api as api:
        files = {"file": ("talks.json", json.dumps(told).encode())}
        api.post("/conversations/import", files=files).raise_for_status()
    dialog, found = tab.get_by_role("dialog"), tab.locator(".conversation.found")
    folder = tab.locator(".folder")
    more = "Rename, move, export or delete"
    expect(tab.get_by_role("link", name="Walruses")).to_be_visible()
    press(tab, f"{more} Narwhals")
    expect(dialog.get_by_label("Title")).to_be_focused()
    tab.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(tab.get_by_role("button", name=f"{more} Narwhals")).to_be_focused()
    tab.keyboard.press("Enter")
    dialog.get_by_label("Folder").focus()
    tab.keyboard.type("Sea")
    tab.keyboard.press("Enter")
    expect(folder).to_contain_text("Narwhals")
    expect(tab.get_by_role("button", name=f"{more} Narwhals")).to_be_focused()
    assert violations(tab) == []

    press(tab, "Rename or remove the folder Sea")
    expect(dialog.get_by_label("Name")).to_be_focused()
    tab.keyboard.press("Control+A")
    tab.keyboard.type("Ocean")
    tab.keyboard.press("Enter")
    expect(folder.locator(".name")).to_have_text("Ocean")
    expect(dialog).to_have_count(0)
    tab.keyboard.press("Control+K")
    expect(tab.get_by_role("searchbox", name="Search conversations")).to_be_focused()
    tab.keyboard.insert_text("tusk")
    expect(found).to_have_count(2)
    expect(found.filter(has_text="Ocean: Narwhals")).to_have_count(1)
    press(tab, f"{more} Walruses")
    tab_to(tab, "Delete…")
    tab.keyboard.press("Enter")
    tab_to(tab, "Delete")
    tab.keyboard.press("Enter")
    expect(found).to_have_count(1)
    expect(tab.get_by_role("button", name=f"{more} Narwhals")).to_be_focused()
    tab.get_by_role("searchbox", name="Search conversations").fill("")
    expect(folder).to_be_visible()
    press(tab, "Rename or remove the folder Ocean")
    tab_to(tab, "Remove the folder")
    tab.keyboard.press("Enter")
    expect(folder).to_have_count(0)
    expect(tab.get_by_role("link", name="Narwhals")).to_be_visible()
    expect(tab.locator(".conversations :focus")).to_have_count(1)


def test_the_list_is_one_stop_and_arrows_lead_through_it(site: Site) -> None:
    said = [{"role": "user", "content": "Which bird?"}]
    names, later_s = {"a": "Kiwis", "b": "Emus", "c": "Rheas"}, 4e9
    talks = [
        {"id": n * 32, "title": name, "created_s": 1.0, "updated_s": later_s + ord(n)}
        | {"messages": said}
        for n, name in names.items()
    ]
    told = {"format": "airunner.conversations", "version": 1, "conversations": talks}
    tab = site.open("/chat")
    with site.server.api as api:
        files = {"file": ("talks.json", json.dumps(told).encode())}
        api.post("/conversations/import", files=files).raise_for_status()
    kiwis, emus, rheas = (tab.get_by_role("link", name=each) for each in names.values())
    for each in (kiwis, emus, rheas):
        expect(each).to_be_visible()
    rheas.focus()
    message(tab).focus()
    tab_to(tab, "Import…", "Shift+Tab")
    tab.keyboard.press("Shift+Tab")
    expect(tab.get_by_role("button", name=re.compile("delete Rheas$"))).to_be_focused()
    tab.keyboard.press("Shift+Tab")
    expect(rheas).to_be_focused()
    tab.keyboard.press("ArrowDown")
    expect(emus).to_be_focused()
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("button", name=re.compile("delete Emus$"))).to_be_focused()
    tab.keyboard.press("ArrowDown")
    expect(kiwis).to_be_focused()
    tab.keyboard.press("Home")
    expect(rheas).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile("/chat/c+$"))


def test_a_question_has_the_focus_and_gives_it_back(site: Site) -> None:
    tab = site.open("/notes/facts")
    with site.server.api as api:
        api.post("/facts", json={"text": "I sing"}).raise_for_status()
    press(tab, "Delete: I sing")
    dialog = tab.get_by_role("dialog")
    expect(dialog).to_contain_text("is forgotten")
    tab.wait_for_function("document.querySelector('.q-dialog').contains(document.activeElement)")
    tab.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(tab.get_by_role("button", name="Delete: I sing")).to_be_focused()
    remove(tab, "Delete: I sing", "Delete")


def remove(tab: Page, name: str, *then: str) -> None:
    """Remove something with the keyboard: the button of this name, ``then`` those of dialogs."""
    press(tab, name)
    for each in then:
        tab_to(tab, each)
        tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name=name, exact=True)).to_have_count(0)


LISTS = (
    ("/notes", "Open ", ("Delete…", "Delete"), "New note…"),
    ("/settings/keys", "Revoke ", ("Revoke",), "Add a key…"),
    ("/settings/permissions", "Remove the rule ", (), "Add a rule…"),
)
"""Where there are lists, the buttons that remove something, and where one is after the last."""


def test_who_removes_something_is_then_at_the_next_or_before_the_list(site: Site) -> None:
    tab = site.open("/settings/about")
    with site.server.api as api:
        for name in ("calculate", "convert_units"):
            for path, body in (
                ("/notes", {"title": name, "text": "A word."}),
                ("/keys", {"name": name}),
                ("/permissions", {"pattern": name, "decision": "ask"}),
            ):
                api.post(path, json=body).raise_for_status()
    for path, button, then, afterwards in LISTS:
        tab.goto(site.url + path)
        rows = tab.get_by_role("button", name=re.compile(f"^{button}"))
        expect(rows).to_have_count(2)
        first, second = (rows.nth(n).get_attribute("aria-label") or "" for n in range(2))
        for name, beside in ((first, second), (second, afterwards)):
            remove(tab, name, *then)
            expect(tab.get_by_role("button", name=beside, exact=True)).to_be_focused()


def test_a_file_that_is_taken_away_and_a_reminder_give_the_focus_on(site: Site) -> None:
    tab = site.open("/chat")
    files = [{"name": f"{n}.txt", "mimeType": "text/plain", "buffer": b"A word."} for n in "ab"]
    tab.locator("input.attach-files").set_input_files(files)  # type: ignore[arg-type]
    expect(tab.locator(".thumbnail")).to_have_count(2)
    remove(tab, "Remove a.txt")
    expect(tab.get_by_role("button", name="Remove b.txt")).to_be_focused()
    remove(tab, "Remove b.txt")
    expect(message(tab)).to_be_focused()
    with site.server.api as api:
        for text in "ab":
            remind_soon(api, text)
    expect(tab.locator(".due .card")).to_have_count(2)
    remove(tab, "Done: a")
    expect(tab.locator(".due button:focus")).to_have_count(1)
    remove(tab, "Done: b")
    expect(message(tab)).to_be_focused()


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
