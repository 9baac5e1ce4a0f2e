"""An answer whose server is killed in the middle of it, as the page shows it afterwards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from benchmarks.scripted_model import long_text
from playwright.sync_api import Browser, expect
from tests.conftest import Eventually
from tests.server.conftest import scripted
from tests.ui.conftest import site_of
from tests.ui.test_talking import begin, press

pytestmark = pytest.mark.real

PARAGRAPHS, SAID = 3, "p:not(details p, .ended p)"
IS_BELOW_THE_FIELD = """() => {
  const [field, notice] = [".composer", ".connection"]
    .map((name) => document.querySelector(name).getBoundingClientRect());
  return field.bottom <= notice.top && notice.bottom === innerHeight;
}"""


def test_the_words_of_an_answer_outlive_its_server_and_it_goes_on(
    tmp_path: Path, browser: Browser, eventually: Eventually
) -> None:
    call = 'think 0.1 use calculate {"expression": "2 + 2"} write 360 and then hang'
    words = long_text(360)
    with scripted(tmp_path) as server, site_of(server, browser) as site:
        tab = site.open()
        begin(tab, call)
        expect(tab.locator(f".live {SAID}")).to_have_count(PARAGRAPHS)
        expect(tab).to_have_url(re.compile("/chat/.+"))
        path = f"/conversations/{tab.url.rpartition('/')[2]}"
        with server.api as api:
            eventually(lambda: api.get(path).json()["messages"][-1]["content"] == words)
        assert {each.stat().st_mode & 0o077 for each in tmp_path.glob("records.*")} == {0}
        server.process.kill()
        server.process.wait()
        told = tab.locator(".connection")
        expect(told).to_contain_text("What is here stays")
        expect(tab.locator(f".live {SAID}")).to_have_count(PARAGRAPHS)
        for none in (tab.locator(".happening"), tab.get_by_label("Stop the answer")):
            expect(none).to_be_hidden()
        tab.wait_for_function(IS_BELOW_THE_FIELD)
        with scripted(tmp_path, int(server.presence.url.rpartition(":")[2])) as again:
            answer = tab.locator(".said.assistant")
            expect(answer.locator(".ended")).to_contain_text("The answer breaks off here")
            expect(answer).to_have_count(1)
            expect(answer.locator(".call.done")).to_have_count(1)
            expect(answer.locator("details.thought")).to_have_count(1)
            expect(answer.locator(SAID)).to_have_count(PARAGRAPHS)
            press(tab, "Continue")
            expect(tab.locator(".said.assistant:not(.live)")).to_have_count(2)
            expect(tab.locator(".turn")).to_have_count(0)
            with again.api as api:
                messages = api.get(path).json()["messages"]
    assert [each["role"] for each in messages] == [
        *("user", "assistant", "tool", "assistant"),
        *("user", "assistant"),
    ]
    assert messages[3]["content"] == words
