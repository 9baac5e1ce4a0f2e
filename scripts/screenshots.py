"""Takes the pictures of the page that the manual shows, with a real server and Chromium.

Owns what is on them: one conversation of the demo's team under the demo's budget, in which
a picture is drawn by the shipped image model, and some notes. Nothing on them is painted by
hand. Pages that a build does not have are left out.

Run: ``python -m scripts.screenshots`` (``make screenshots``); ``--only chat`` takes one page.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from airunner.cli.demo_story import DEMO_SETTINGS, SYSTEM, TURNS
from airunner.config.settings import SETTINGS
from airunner.runtime.presence import find_server
from scripts.browser import browser as found_browser

FOLDER = Path(__file__).parents[1] / "docs/screenshots"
MOST_BYTES = 150_000
BUDGET = "cpu=582MB"
PAGES = {
    "chat": "/chat/{conversation}",
    "memory": "/memory",
    "models": "/download-models",
    "pictures": "/pictures",
    "notes": "/notes",
    "settings": "/settings",
}
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
THEMES = ("light", "dark")
STILL_S = 1.5
LONGEST_WAIT_S = 15.0
_LOAD_PICTURES = 'document.querySelectorAll(".middle img").forEach((x) => (x.loading = "eager"))'
_LAST_QUESTION = """() => {
  [...document.querySelectorAll(".said.user")].at(-1)?.scrollIntoView();
  window.scrollBy(0, -64);
}"""
"""What the chat is scrolled to: below the bar at its top."""
_NOTES = (("Garden", "Beans go in in May, beside the tomatoes."), ("Wi-Fi", "On the router."))


@contextmanager
def prepared(home: Path) -> Iterator[tuple[str, str]]:
    """A server in ``home`` that has something to show: its address, and a conversation's id."""
    cache = Path(os.environ.get("AIRUNNER_TEST_CACHE", "~/.cache/airunner-tests")).expanduser()
    if (cache / "models").is_dir():
        (home / "models").symlink_to(cache / "models")
    flags = [f"{SETTINGS[name].flag}={value}" for name, value in DEMO_SETTINGS.items()]
    line = [sys.executable, "-m", "airunner", "serve", "--port", "0", "--home", str(home)]
    line += ["--pictures", str(home / "pictures"), "--files", str(home / "files")]
    with subprocess.Popen(
        [*line, "--devices", BUDGET, *flags], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            if "serves at" not in server.stdout.readline():
                raise SystemExit("the server did not start")
            found = find_server(home)
            assert found is not None
            yield found.url, _fill(f"{found.url}/api/v1")
        finally:
            server.terminate()


def _fill(api_url: str) -> str:
    """Talk, have a picture drawn, write notes; returns the conversation's id."""
    conversation = ""
    with httpx.Client(base_url=api_url, timeout=600, trust_env=False) as api:
        for words in TURNS:
            asked = {"content": words}
            asked |= {"conversation_id": conversation} if conversation else {"system": SYSTEM}
            with api.stream("POST", "/turns", json=asked) as answer:
                answer.raise_for_status()
                for _ in answer.iter_lines():
                    pass
            conversation = api.get("/conversations").json()["conversations"][0]["id"]
        for title, text in _NOTES:
            api.post("/notes", json={"title": title, "text": text}).raise_for_status()
    return conversation


def take(browser: Browser, url: str, conversation: str, only: list[str]) -> None:
    """Take every picture."""
    for size, (width, height) in SIZES.items():
        for theme in THEMES:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if theme == "dark" else "light",
                is_mobile=size == "phone",
                has_touch=size == "phone",
            )
            tab = context.new_page()
            tab.goto(f"{url}/chat")
            tab.locator("a.place").first.wait_for(state="attached")  # a phone hides them
            places = {each.get_attribute("href") for each in tab.locator("a.place").all()}
            for name, path in PAGES.items():
                if path.split("{")[0].rstrip("/") in places and name in (only or PAGES):
                    _show(tab, url + path.format(conversation=conversation))
                    if name == "chat":
                        tab.evaluate(_LAST_QUESTION)
                        tab.wait_for_timeout(500)
                    file = FOLDER / f"{name}-{theme}-{size}.webp"
                    _save(tab.screenshot(), file)
                    print(f"{file.name}  {file.stat().st_size:,} bytes", flush=True)
            context.close()


def _show(tab: Page, address: str) -> None:
    """Show a page as it is when nothing moves any more."""
    tab.goto(address)
    tab.locator(".middle *").first.wait_for()
    text, still_since = "", time.monotonic()
    until = still_since + LONGEST_WAIT_S
    while time.monotonic() - still_since < STILL_S and time.monotonic() < until:
        now = tab.locator(".middle").inner_html()
        if now != text:
            text, still_since = now, time.monotonic()
            tab.evaluate(_LOAD_PICTURES)
        tab.wait_for_timeout(200)


def _save(screenshot: bytes, file: Path) -> None:
    """Write it as WebP, small enough for a repository."""
    with Image.open(io.BytesIO(screenshot)) as picture:
        for quality in (88, 75, 60):
            picture.convert("RGB").save(file, "WEBP", quality=quality, method=6)
            if file.stat().st_size <= MOST_BYTES:
                return
    raise SystemExit(f"{file.name} is larger than {MOST_BYTES:,} bytes")


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=list(PAGES), help="one page")
    only = parser.parse_args().only or []
    FOLDER.mkdir(parents=True, exist_ok=True)
    chromium = found_browser()
    with (
        tempfile.TemporaryDirectory(prefix="airunner-") as home,
        prepared(Path(home)) as (url, conversation),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        take(browser, url, conversation, only)
        browser.close()


if __name__ == "__main__":
    main()
