"""A real server and a real browser: Debian's chromium, which ``scripts.browser`` gets.

One of each serves all modules; a module whose server is another one has its own ``server``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Request,
    expect,
    sync_playwright,
)
from scripts.browser import browser as found_browser
from tests.server.conftest import Server, home, serving

__all__ = ["home"]  # a fixture of the servers' tests

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
PATIENCE_MS = 300_000
FOLDER = Path(__file__).parent
OPEN = ExitStack()
BROWSERS: list[Browser] = []


@pytest.fixture
def browser() -> Browser:
    """The browser of this folder's tests; the first that asks starts it."""
    if not BROWSERS:
        path = found_browser()
        if path is None:
            pytest.skip("these tests need a browser: python -m scripts.browser gets one")
        expect.set_options(timeout=PATIENCE_MS)
        playwright = OPEN.enter_context(sync_playwright())
        OPEN.callback(BROWSERS.clear)
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        OPEN.callback(started.close)
        BROWSERS.append(started)
    return BROWSERS[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """Close the browser before a test of another folder.

    While playwright is open, its event loop counts as running, and tests of others have their own.
    """
    try:
        return (yield)
    finally:
        if nextitem is None or FOLDER not in nextitem.path.parents:
            OPEN.close()


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    """One server for the tests of a module, with room for both models and for long answers."""
    with serving(home, "--max-memory", "600MB", "--max-tokens", "160") as found:
        yield found


@dataclass
class Site:
    """The page of a server in a browser, and every host that the browser asked."""

    server: Server
    context: BrowserContext
    hosts: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The server's address."""
        return self.server.presence.url

    def open(self, path: str = "/chat") -> Page:
        """A tab at ``path``, ready to be used."""
        tab = self.context.new_page()
        tab.on("request", self._asked)
        tab.on("pageerror", lambda error: self.problems.append(str(error)))
        tab.goto(self.url + path)
        ready(tab)
        return tab

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            self.hosts.add("/".join(request.url.split("/", 3)[:3]))


IS_READY = """() => {
  const field = document.querySelector(".composer textarea");
  const untouched = matchMedia("(pointer: coarse)").matches;
  const begun = !field || untouched || field === document.activeElement;
  return window.did_handshake && document.querySelector(".middle *") && begun;
}"""


def ready(tab: Page) -> None:
    """Wait until a page that is loaded is connected; a chat has then taken the focus.

    Without a connection a message is refused.
    """
    tab.wait_for_function(IS_READY)


@contextmanager
def site_of(server: Server, browser: Browser, **options: object) -> Iterator[Site]:
    """The page of ``server``; afterwards no other host was asked, and no script failed."""
    context = browser.new_context(**{"viewport": DESKTOP, **options})
    context.set_default_timeout(PATIENCE_MS)
    site = Site(server, context)
    yield site
    context.close()
    assert site.hosts <= {site.url}
    assert not site.problems


@pytest.fixture
def site(server: Server, browser: Browser) -> Iterator[Site]:
    """The page on a desktop."""
    with site_of(server, browser) as found:
        yield found


@pytest.fixture
def phone(server: Server, browser: Browser) -> Iterator[Site]:
    """The page on a phone."""
    with site_of(server, browser, viewport=PHONE, has_touch=True, is_mobile=True) as found:
        yield found


def expect_to_fit(tab: Page) -> None:
    """Nothing is wider than the window; a phone shows what is in a window made wider."""
    assert tab.viewport_size is not None
    widest = "most => document.documentElement.scrollWidth <= most"
    tab.wait_for_function(widest, arg=tab.viewport_size["width"])


UNFOLD = "all => { window.folded = all; all.forEach(each => (each.open = true)); }"
TURN = """async isDark => {
  Quasar.Dark.set(isDark);
  for (let frames = 0; frames < 3; frames++) await new Promise(requestAnimationFrame);
}"""
ALL_RULES: dict[str, object] = {"resultTypes": ["violations"]}
OF_COLOURS = {**ALL_RULES, "runOnly": ["color-contrast", "link-in-text-block"]}


NO_FADING = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("*, *::before, *::after { transition: none !important }");
  document.adoptedStyleSheets.push(sheet);
}"""


def violations(tab: Page) -> list[str]:
    """What axe-core finds wrong twice: what it looks at may change while it looks."""
    return violations_now(tab) and violations_now(tab)


def violations_now(tab: Page) -> list[str]:
    """What axe-core finds wrong, in a line each; in light all, in dark what may differ there.

    What is folded is looked at too, and what comes or goes does so at once meanwhile: half faded,
    nothing has contrast.
    """
    tab.locator("details:not([open])").evaluate_all(UNFOLD)
    found = []
    tab.evaluate(NO_FADING)
    for theme, rules in (("light", ALL_RULES), ("dark", OF_COLOURS)):
        tab.evaluate(TURN, theme == "dark")
        for each in Axe().run(tab, options=rules).response["violations"]:
            places = [node["html"][:160] for node in each["nodes"]]
            found.append(f"{theme}: {each['id']}: {places}")
    tab.evaluate("folded.forEach(each => (each.open = false))")
    tab.evaluate("document.adoptedStyleSheets.pop()")
    return found
