"""Notes, facts and reminders in a browser; what is due, in every window."""

from __future__ import annotations

import time

import httpx
from playwright.sync_api import expect
from tests.ui.conftest import Site, expect_to_fit, violations


def test_a_note_is_written_found_changed_and_deleted(site: Site) -> None:
    tab, other = site.open("/notes"), site.open("/notes")
    expect(tab.get_by_text("No notes yet.")).to_be_visible()
    tab.get_by_role("button", name="New note…").click()
    tab.get_by_label("Title").fill("Garden <b>")
    tab.get_by_label("Text").fill("Beans in May.\nThe key hangs behind the door.")
    assert violations(tab) == []
    tab.get_by_role("button", name="Save").click()
    expect(other.get_by_text("Garden <b>")).to_be_visible()
    tab.get_by_label("Search notes").fill("nothing like it")
    expect(tab.get_by_text("Nothing here has such words.")).to_be_visible()
    tab.get_by_label("Search notes").fill("door")
    tab.get_by_role("button", name="Open Garden <b>").click()
    expect(tab.get_by_label("Text")).to_have_value("Beans in May.\nThe key hangs behind the door.")
    tab.get_by_label("Text").fill("Beans in June, by the door.")
    tab.get_by_role("button", name="Save").click()
    expect(other.get_by_text("Beans in June")).to_be_visible()
    other.get_by_role("button", name="Open Garden <b>").click()
    other.get_by_role("button", name="Delete…").click()
    expect(other.get_by_text("will be gone for good")).to_be_visible()
    other.get_by_role("button", name="Delete", exact=True).click()
    expect(other.get_by_text("No notes yet.")).to_be_visible()
    with site.server.api as api:
        assert api.get("/notes").json() == {"notes": []}


def test_what_is_known_of_the_user_is_added_and_forgotten(site: Site) -> None:
    tab = site.open("/notes/facts")
    tab.get_by_role("button", name="Add…").click()
    tab.get_by_label("In a sentence").fill("I am a nurse")
    tab.keyboard.press("Enter")
    # Its words alone are in the hint of an empty list, too.
    expect(tab.get_by_role("button", name="Delete: I am a nurse")).to_be_visible()
    with site.server.api as api:
        assert [each["text"] for each in api.get("/facts").json()["facts"]] == ["I am a nurse"]
    assert violations(tab) == []
    tab.get_by_role("button", name="Delete: I am a nurse").click()
    tab.get_by_role("dialog").last.get_by_role("button", name="Delete").click()
    expect(tab.get_by_text("Nothing yet.")).to_be_visible()


def test_a_reminder_is_set_in_words_and_deleted(site: Site) -> None:
    tab = site.open("/notes/reminders")
    tab.get_by_role("button", name="New reminder…").click()
    tab.get_by_label("Of what").fill("Call Ada")
    tab.get_by_role("button", name="Save").click()
    expect(tab.get_by_role("alert").filter(has_text="say when")).to_be_visible()
    tab.get_by_role("button", name="in 1 hour").click()
    tab.get_by_role("button", name="Save").click()
    expect(tab.get_by_role("button", name="Edit: Call Ada")).to_be_visible()
    tab.get_by_role("button", name="Delete: Call Ada").click()
    tab.get_by_role("dialog").last.get_by_role("button", name="Delete").click()
    expect(tab.get_by_text("None waits.")).to_be_visible()


def remind_soon(api: httpx.Client, text: str) -> None:
    """Set a reminder that is due as soon as this machine can set one."""
    for wait_s in (0.5, 2, 8, 32):
        if api.post("/reminders", json={"text": text, "when": time.time() + wait_s}).is_success:
            return
    raise AssertionError("no moment to come is one any more when it is asked for")


IS_FREE = """() => {
  const due = document.querySelector(".due").getBoundingClientRect();
  return [...document.querySelectorAll(".composer, .top")].every((each) => {
    const { top, bottom } = each.getBoundingClientRect();
    return top >= due.bottom - 1 || bottom <= due.top + 1;
  });
}"""
"""Whether the cards lie neither over what one types in, nor over the head of the page."""


def test_what_is_due_is_in_every_window_until_one_takes_note(site: Site, phone: Site) -> None:
    tab, other = site.open("/notes"), phone.open("/chat")
    with site.server.api as api:
        for text in ("Take the bread out", "Feed the cat"):
            remind_soon(api, text)
        for window in (tab, other):
            expect(window.locator(".due .card")).to_have_count(2)
            assert violations(window) == []
            expect_to_fit(window)
        other.wait_for_function(IS_FREE)
        assert len(api.get("/reminders/due").json()["reminders"]) == 2
        tab.get_by_role("button", name="Done: Take the bread out").click()
        expect(other.locator(".due .card")).to_have_count(1)
        begun_s = time.time()
        later = "Remind me again in 10 minutes: Feed the cat"
        other.get_by_role("button", name=later).click()
        expect(tab.locator(".due .card")).to_have_count(0)
        (waiting,) = api.get("/reminders").json()["reminders"]
        api.delete(f"/reminders/{waiting['number']}").raise_for_status()
    assert waiting["text"] == "Feed the cat"
    assert begun_s - 1 <= waiting["due_s"] - 600 <= time.time()


def test_the_browser_is_asked_on_a_click_alone_and_tells(site: Site) -> None:
    tab = site.open("/notes/reminders")
    assert tab.evaluate("Notification.permission") != "granted"
    site.context.grant_permissions(["notifications"])
    tab.evaluate(
        "() => { window.told = []; const real = Notification;"
        " window.Notification = class extends real { constructor(title, options) {"
        " super(title, options); window.told.push(options.body); } } }"
    )
    tab.get_by_role("button", name="Tell me by the browser too").click()
    expect(tab.get_by_text("Reminders are shown by the browser too.")).to_be_visible()
    with site.server.api as api:
        remind_soon(api, "Water")
    expect(tab.locator(".due .card", has_text="Water")).to_be_visible()
    tab.wait_for_function("window.told.join() === 'Water'")
    tab.get_by_role("button", name="Done: Water").click()
    expect(tab.locator(".due .card")).to_have_count(0)


def test_a_phone_shows_it_all(phone: Site) -> None:
    with phone.server.api as api:
        for page, path, body in (
            ("/notes", "/notes", {"title": "W" * 100, "text": "x" * 300}),
            ("/notes/facts", "/facts", {"text": "I sleep " * 30}),
            ("/notes/reminders", "/reminders", {"text": "W" * 100, "when": "in 5 days"}),
        ):
            made = api.post(path, json=body).raise_for_status().json()
            tab = phone.open(page)
            expect(tab.get_by_role("listitem")).not_to_have_count(0)
            expect_to_fit(tab)
            assert violations(tab) == []
            api.delete(f"{path}/{made['number']}").raise_for_status()
