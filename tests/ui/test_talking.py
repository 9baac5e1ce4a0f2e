"""What can be done with what was said, in a real browser, over a model that does as it is told."""

from __future__ import annotations

import json
import re
import resource
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest
from benchmarks.scripted_model import long_text
from playwright.sync_api import Browser, Locator, Page, expect
from tests.conftest import Eventually
from tests.server.conftest import Server, scripted
from tests.tiny_png import png
from tests.ui.conftest import Site, expect_to_fit, ready, site_of, violations

from airunner.agent.conversation_saver import ConversationSaver
from airunner.config.settings import Settings
from airunner.events import TextStreamed
from airunner.runtime.attached import AttachedRuntime
from airunner.runtime.native_client import NativeClient

pytestmark = pytest.mark.real

ROOT = Path(__file__).parent.parent.parent
WATCH = """() => {
  window.watched = { lines: [], previews: 0 };
  new MutationObserver(() => {
    watched.lines.push(document.querySelector(".happening")?.innerText ?? "");
    if (document.querySelector("img.preview")) watched.previews++;
  }).observe(document.body, { childList: true, characterData: true, subtree: true });
}"""
AT_THE_END = "() => window.innerHeight + window.scrollY > document.body.scrollHeight - 120"
STANDS_ABOVE = f"""async () => {{
  const before = window.scrollY;
  for (let frames = 0; frames < 6; frames++) await new Promise(requestAnimationFrame);
  return window.scrollY === before && !({AT_THE_END})();
}}"""
"""Whether a reader is above the end, and what the wheel began is over."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    with scripted(home) as found:
        yield found


@pytest.fixture
def tab(site: Site) -> Iterator[Page]:
    """A new chat. An answer that a test which failed has left would keep all others waiting."""
    yield site.open()
    with site.server.api as api:
        for turn in api.get("/turns").json()["turns"].values():
            api.delete(f"/turns/{turn}")


def field(tab: Page) -> Locator:
    return tab.get_by_label("Message", exact=True)


def say(tab: Page, text: str) -> Locator:
    """Say it, and wait for the answer's end; the answer."""
    expect(tab.locator(".turn")).to_have_count(0)
    count = tab.locator(".said.assistant").count()
    begin(tab, text)
    expect(tab.locator(".said.assistant:not(.live)")).to_have_count(count + 1)
    expect(tab.locator(".turn")).to_have_count(0)
    return tab.locator(".said.assistant").last


def begin(tab: Page, text: str) -> None:
    field(tab).fill(text)
    field(tab).press("Enter")


def press(tab: Page | Locator, name: str) -> None:
    tab.get_by_role("button", name=name, exact=True).last.click()


def focused(tab: Page) -> Locator:
    return tab.locator("*:focus")


def test_thoughts_calls_and_costs_are_folded_and_outlive_a_reload(tab: Page) -> None:
    answer = say(tab, 'think 0.6 use calculate {"expression": "2 + 2"}')
    for _ in range(2):
        expect(answer.locator(".thought summary")).to_have_text(
            re.compile(r"Thought for \d+ (s|min)")
        )
        expect(answer.locator(".call .time")).to_have_text(re.compile(r"[\d.]+ (ms|s|min)"))
        expect(answer.locator(".cost")).to_contain_text("60 % from the cache")
        expect(answer.locator(".call .result")).to_be_hidden()
        answer.locator(".call summary").click()
        expect(answer.locator(".call .result")).to_have_text("2 + 2 = 4")
        expect(answer.locator(".call code")).to_contain_text('"expression": "2 + 2"')
        tab.reload()
    assert violations(tab) == []


def test_a_reload_in_the_middle_goes_on_and_two_windows_show_the_same(
    site: Site, eventually: Eventually
) -> None:
    tab = site.open()
    begin(tab, "hang")
    expect(tab.locator(".live")).to_contain_text("You said: hang")
    expect(tab).to_have_url(re.compile("/chat/.+"))
    tab.reload()
    other = site.open(tab.url.removeprefix(site.url))
    for each in (tab, other):
        expect(each.locator(".live")).to_contain_text("You said: hang")
        expect(each.locator(".said.user")).to_have_count(1)
    press(other, "Stop the answer")
    for each in (tab, other):
        expect(each.locator(".ended")).to_contain_text("You stopped this answer.")
        expect(each.locator(".turn")).to_have_count(0)
    here, there = tab.locator(".said"), other.locator(".said")
    eventually(lambda: here.all_inner_texts() == there.all_inner_texts())


def test_a_tool_is_asked_about_where_the_keyboard_is_and_an_answer_can_be_kept(
    site: Site, tab: Page
) -> None:
    written = site.server.home / "files" / "a.txt"
    call = 'use write_file {"path": "a.txt", "content": "hello", "overwrite": true}'
    begin(tab, call)
    question = tab.get_by_role("group", name="May write_file run?")
    expect(question).to_contain_text('"content": "hello"')
    expect(question).to_be_focused()
    assert violations(tab) == []
    press(question, "Not now")
    expect(tab.locator(".call.failed")).to_have_count(1)
    assert not written.exists()
    expect(field(tab)).to_be_focused()
    expect(tab.locator(".turn")).to_have_count(0)

    begin(tab, call)
    press(question, "Always in this chat")
    expect(tab.locator(".call.done")).to_have_count(1)
    assert written.read_text() == "hello"
    say(tab, call)  # not asked again

    tab.goto(site.url + "/chat")
    ready(tab)
    begin(tab, call)
    press(question, "Never in this chat")
    expect(tab.locator(".call.failed")).to_have_count(1)
    label = say(tab, call).locator(".call.failed .so-far")
    expect(label).to_have_text("not run")
    expect(label).to_have_css("display", "inline")  # a word in the line, and no bar over it


def test_an_answer_that_failed_says_so_and_is_tried_again(tab: Page) -> None:
    say(tab, "hello")
    answer = say(tab, "write 200 fail")
    expect(answer).to_contain_text("The answer failed.")
    expect(answer).to_contain_text("it was told to fail")
    first = tab.url
    press(answer.locator(".ended"), "Try again")
    expect(answer.locator(".versions")).to_contain_text("2 / 2")
    expect(tab).not_to_have_url(first)
    press(answer, "Previous version")
    expect(answer.locator(".versions")).to_contain_text("1 / 2")
    expect(tab).to_have_url(first)


def test_a_question_is_edited_by_keyboard_and_the_old_one_stays(tab: Page) -> None:
    say(tab, "one")
    say(tab, "two")
    editing = tab.locator(".editing")
    field(tab).press("ArrowUp")
    expect(field(tab)).to_have_value("two")
    expect(editing).to_be_visible()
    field(tab).press("Escape")
    expect(editing).to_be_hidden()
    expect(field(tab)).to_have_value("")
    expect(field(tab)).to_be_focused()
    field(tab).press("ArrowUp")
    expect(field(tab)).to_have_value("two")
    say_edited = "three"
    begin(tab, say_edited)
    expect(tab.locator(".said.user .text")).to_have_text(["one", "three"])
    expect(tab.locator(".said.assistant").last).to_contain_text("You said: three")
    versions = tab.locator(".said.user").last.locator(".versions")
    expect(versions).to_contain_text("2 / 2")
    press(versions, "Previous version")
    expect(tab.locator(".said.user .text")).to_have_text(["one", "two"])


def test_escape_stops_an_answer_first_and_then_gives_an_edit_up_for_what_was_typed(
    tab: Page,
) -> None:
    begin(tab, "hang")
    expect(tab.locator(".live")).to_contain_text("You said: hang")
    field(tab).press("ArrowUp")
    editing, ended = tab.locator(".editing"), tab.locator(".ended")
    expect(editing).to_have_count(1)
    field(tab).press("Escape")
    expect(ended).to_contain_text("You stopped this answer.")
    field(tab).fill("half a message")
    press(tab, "Edit and ask again")
    expect(editing).to_be_visible()
    expect(field(tab)).to_have_value("hang")
    field(tab).press("Escape")
    expect(editing).to_be_hidden()
    expect(field(tab)).to_have_value("half a message")


def test_what_is_typed_after_a_message_was_sent_is_the_next_one(tab: Page) -> None:
    begin(tab, "hello")
    tab.keyboard.type("and then")
    expect(tab.locator(".said.assistant:not(.live)")).to_have_count(1)
    expect(tab.locator(".turn")).to_have_count(0)
    expect(field(tab)).to_have_value("and then")
    tab.reload()
    expect(field(tab)).to_have_value("and then")
    # A server that ends with what was sent takes none of it.
    ready(tab)
    tab.evaluate("window.socket.emit = () => {}")
    begin(tab, "lost")
    field(tab).press_sequentially("meant")
    tab.reload()
    expect(field(tab)).to_have_value("lost\n\nmeant")


def test_what_a_terminal_says_here_is_seen_as_it_comes_and_moves_nobody(
    server: Server, site: Site, tab: Page
) -> None:
    say(tab, "write 3000")
    id = tab.url.rpartition("/")[2]
    field(tab).press_sequentially("and then")
    tab.mouse.move(600, 300)
    tab.mouse.wheel(0, -2000)
    tab.wait_for_function(STANDS_ABOVE)
    place = tab.evaluate("window.scrollY")
    settings = Settings.load({"home": server.home}, environ={})
    client = NativeClient(server.presence, server.home)
    with AttachedRuntime(settings, client, server.home / "pictures") as terminal:
        saved = terminal.records.conversations.load(id)
        assert saved is not None
        saver = ConversationSaver.resume(terminal.records.conversations, saved)
        saver.save("hang")
        with closing(terminal.turn(saver.conversation, "hang")) as events:
            assert any(isinstance(event, TextStreamed) for event in events)
            expect(tab.locator(".live")).to_contain_text("You said: hang")
        # What it does not save yet stays as it was seen.
        expect(tab.get_by_role("status").filter(has_text="You stopped")).to_have_count(1)
        with server.api as api:
            api.patch(f"/conversations/{id}", json={"title": "Of a terminal"})
        expect(tab.get_by_role("heading", name="Of a terminal")).to_have_count(1)
        expect(tab.locator(".live")).to_contain_text("You said: hang")
        expect(tab.locator(".said.user")).to_have_count(2)
        saver.save()
        expect(tab.locator(".turn")).to_have_count(0)
        expect(tab.locator(".said.assistant").last).to_contain_text("You said: hang")
        expect(tab.locator(".said")).to_have_count(4)
        terminal.records.details.save(id, 2, {"outcome": "cancelled"})
        expect(tab.locator(".ended")).to_contain_text("You stopped this answer.")
        terminal.records.conversations.retitle(id, "Another")
        expect(tab.get_by_role("heading", name="Another", exact=True)).to_have_count(1)
    expect(field(tab)).to_have_value("and then")
    assert tab.evaluate("window.scrollY") == place


def test_an_answer_is_stopped_and_one_that_was_cut_off_goes_on(tab: Page) -> None:
    begin(tab, "hang")
    expect(tab.locator(".live")).to_contain_text("You said: hang")
    tab.keyboard.press("Escape")
    expect(tab.locator(".ended")).to_contain_text("You stopped this answer.")
    answer = say(tab, "write 200 cut")
    press(answer, "Continue")
    expect(tab.locator(".said.user .text").last).to_have_text("Go on exactly where you stopped.")


def test_files_become_words_and_pictures_are_refused_where_nobody_sees(
    tab: Page, tmp_path: Path
) -> None:
    notes = tmp_path / "no<b>tes.md"
    notes.write_text("# Bees\n\nThey make honey.")
    picture = tmp_path / "a.png"
    picture.write_bytes(png(4, 4))
    files = tab.locator("input.attach-files")
    files.set_input_files([notes])
    expect(tab.locator(".thumbnail")).to_contain_text("no<b>tes.md")
    files.set_input_files([picture])
    expect(tab.get_by_text("cannot see pictures")).to_be_visible()
    files.set_input_files([tmp_path / "no<b>tes.md"])
    expect(tab.locator(".thumbnail")).to_have_count(2)
    tab.get_by_role("button", name="Remove").last.click()
    expect(tab.locator(".thumbnail")).to_have_count(1)
    answer = say(tab, "What is this?")
    expect(answer).to_contain_text("They make honey.")
    expect(tab.locator(".thumbnail")).to_have_count(0)
    shown = tab.locator(".said.user details.file")
    expect(shown.locator(".name")).to_have_text("no b tes.md")
    expect(tab.locator(".said.user .text")).to_have_text("What is this?")
    expect(tab.locator(".conversation[aria-current=page]")).to_have_text("What is this?")


@pytest.mark.skipif(find_spec("duckdb") is None, reason="no library for tables is installed")
def test_a_tool_answers_from_an_attached_table_and_in_no_other_chat(
    site: Site, tab: Page, tmp_path: Path
) -> None:
    table = tmp_path / "sales.csv"
    table.write_text("A,B\n" + "".join(f"item {number},{number}\n" for number in range(2000)))
    tab.locator("input.attach-files").set_input_files([table])
    size = "2,000 rows, 2 columns, 27.8 KB"
    expect(tab.locator(".thumbnail")).to_contain_text("sales.csv")
    expect(tab.locator(".thumbnail .size")).to_have_text(size)
    call = {"file": "attached/sales.csv", "sql": "SELECT sum(B) AS total FROM sales"}
    answer = say(tab, f"use query_table {json.dumps(call)}")
    expect(answer.locator(".call.done .result")).to_contain_text("1999000")
    attached = tab.locator(".said.user details.file")
    expect(attached.locator(".name")).to_have_text("sales.csv")
    expect(attached.locator(".size")).to_have_text(size)
    attached.locator("summary").click()
    expect(attached.locator("pre")).to_contain_text("query_table answers from attached/sales.csv")
    answer = say(site.open(), f"use query_table {json.dumps(call)}")
    expect(answer.locator(".call.failed")).to_have_count(1)


def test_what_is_pasted_and_dropped_is_attached(tab: Page, tmp_path: Path) -> None:
    for kind, target in (("paste", ".composer textarea"), ("drop", "body")):
        tab.evaluate(
            """([kind, target]) => {
              const data = new DataTransfer();
              data.items.add(new File(["some words"], `${kind}.txt`, {type: "text/plain"}));
              const init = {bubbles: true, cancelable: true};
              const event = kind === "paste"
                ? new ClipboardEvent("paste", {...init, clipboardData: data})
                : new DragEvent("drop", {...init, dataTransfer: data});
              document.querySelector(target).dispatchEvent(event);
            }""",
            [kind, target],
        )
        expect(tab.locator(".thumbnail", has_text=f"{kind}.txt")).to_have_count(1)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.txt").write_text("some words")
    dropped = {"items": [], "files": [str(each) for each in tmp_path.iterdir()]}
    hand = tab.context.new_cdp_session(tab)
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {**dropped, "dragOperationsMask": 1}
        hand.send("Input.dispatchDragEvent", {"type": kind, "x": 640, "y": 400, "data": data})
    # It goes again by itself: it is looked for first.
    expect(tab.locator(".q-notification")).to_contain_text("A folder cannot be attached")
    expect(tab.locator(".thumbnail", has_text="file.txt")).to_have_count(1)
    expect(tab.locator(".thumbnail")).to_have_count(3)


def test_a_chat_has_a_model_tools_thinking_and_instructions(site: Site, tab: Page) -> None:
    press(tab, "Model, tools and instructions")
    dialog = tab.get_by_role("dialog")
    dialog.get_by_label("Model").click()
    tab.get_by_role("option", name="model-other").click()
    expect(tab.get_by_role("listbox")).to_have_count(0)  # it takes the focus when it goes
    dialog.get_by_role("button", name="Off").click()
    dialog.get_by_text("math", exact=True).click()
    dialog.get_by_label("Instructions").fill("Be brief.")
    assert violations(tab) == []
    press(dialog, "Use these")
    chosen = "model-other · no thinking · without math"
    expect(tab.locator(".chosen")).to_have_text(f"{chosen} · instructions")
    answer = say(tab, 'use calculate {"expression": "1"}')
    expect(answer.locator(".call.failed")).to_have_count(1)
    expect(answer.locator(".cost")).to_contain_text("model-other")
    tab.reload()
    expect(tab.locator(".chosen")).to_have_text(chosen)
    id = tab.url.rpartition("/")[2]
    with site.server.api as api:
        saved = api.get(f"/conversations/{id}").json()["messages"]
    assert saved[0] == {"role": "system", "content": "Be brief."}


def test_the_list_is_searched_sorted_taken_away_and_brought_back(tab: Page, tmp_path: Path) -> None:
    say(tab, "Tell me of the quagga.")
    row = tab.locator(".talk-line", has=tab.locator("[aria-current=page]"))
    expect(row).to_have_count(1)
    expect(row.locator(".busy")).to_have_count(0)  # the list is not drawn anew after that
    row.get_by_role("button").click()
    dialog = tab.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert violations(tab) == []
    with tab.expect_download() as download:
        dialog.get_by_text("Export as JSON").click()
    told = json.loads(download.value.path().read_text())
    dialog.get_by_label("Title").fill("A striped animal")
    dialog.get_by_label("Folder").fill("Animals")
    press(dialog, "Save")
    folder = tab.locator(".folder", has_text="Animals")
    expect(folder.locator(".conversation")).to_have_text("A striped animal")

    expect(dialog).to_have_count(0)  # it gives the focus back when it goes
    tab.keyboard.press("Control+k")
    expect(tab.get_by_label("Search conversations")).to_be_focused()
    tab.keyboard.type("quagga")
    expect(tab.locator(".excerpt")).to_contain_text("quagga")
    tab.get_by_label("Search conversations").fill("")

    folder.get_by_role("button").click(force=True)
    press(dialog, "Delete…")
    # The one before may still be going.
    asked = tab.get_by_role("dialog", name="Delete this conversation?")
    expect(asked).to_contain_text("“A striped animal” will be gone for good.")
    expect(asked).to_contain_text(re.compile(r"Last used on \d+ \w+ \d{4} at \d+:\d\d\."))
    press(asked, "Delete")
    expect(folder).to_have_count(0)
    expect(tab).to_have_url(re.compile("/chat$"))

    file = tmp_path / "chats.json"
    file.write_text(json.dumps(told))
    tab.locator("input.import-file").set_input_files([file])
    expect(tab.locator(".conversation", has_text="Tell me of the quagga.")).to_have_count(1)


def test_the_keyboard_is_enough_and_a_draft_outlives_a_reload(tab: Page) -> None:
    field(tab).fill("a draft")
    tab.reload()
    expect(field(tab)).to_have_value("a draft")
    field(tab).fill("one\ntwo")
    field(tab).press("Shift+Enter")
    expect(field(tab)).to_have_value("one\ntwo\n")
    field(tab).fill("")
    focused(tab).evaluate("each => each.blur()")
    tab.keyboard.press("?")
    expect(tab.get_by_role("dialog", name="Keys")).to_contain_text("Ctrl + Shift + O")
    tab.keyboard.press("Escape")
    expect(tab.get_by_role("dialog")).to_have_count(0)
    tab.keyboard.press("/")
    expect(field(tab)).to_be_focused()
    say(tab, "hello")
    tab.keyboard.press("Control+Shift+O")
    expect(tab.locator(".empty")).to_contain_text("What shall the team do?")
    expect(tab).to_have_url(re.compile("/chat$"))


def test_a_reader_above_the_end_is_left_there(tab: Page) -> None:
    say(tab, "write 6000 at 5000")
    begin(tab, "write 8000 at 400 hang")
    expect(tab.locator(".live .block").nth(3)).to_be_attached()
    tab.wait_for_function(AT_THE_END)
    tab.mouse.move(800, 300)
    tab.mouse.wheel(0, -1500)
    tab.wait_for_function(STANDS_ABOVE)
    before = tab.evaluate("() => window.scrollY")
    expect(tab.locator(".live")).to_contain_text(long_text(8000)[-40:].strip())
    assert tab.evaluate("() => window.scrollY") <= before  # the wheel may still have turned
    press(tab, "Stop the answer")


TABLE = "\n".join(
    f"|{'|'.join(f'{row} {column}' for column in columns)}|"
    for row, columns in (("column", range(30)), ("-", [""] * 30), ("value", range(30)))
)
CELL_WIDTH = "each => each.getBoundingClientRect().width"


def test_wide_tables_scroll_and_each_script_has_its_side(site: Site, phone: Site) -> None:
    said = [{"role": "user", "content": "מה שלומך?"}, {"role": "assistant", "content": TABLE}]
    said += [{"role": "user", "content": "And?"}, {"role": "assistant", "content": "- أهلا"}]
    talk = {"id": "7" * 32, "title": "שלום", "created_s": 1.0, "updated_s": 1.0, "messages": said}
    told = {"format": "airunner.conversations", "version": 1, "conversations": [talk]}
    with site.server.api as api:
        files = {"file": ("talks.json", json.dumps(told).encode())}
        api.post("/conversations/import", files=files).raise_for_status()
    for each in (site, phone):
        tab = each.open(f"/chat/{talk['id']}")
        assert tab.locator("th").last.evaluate(CELL_WIDTH) > 40
        expect_to_fit(tab)
    directions = [tab.locator(each) for each in (".said ul", "a[data-ids^='777']", "th >> nth=0")]
    assert [each.evaluate("each => getComputedStyle(each).direction") for each in directions] == [
        *("rtl", "rtl", "ltr")
    ]
    tab.emulate_media(media="print")
    expect(tab.locator(".composer")).to_be_hidden()
    expect(tab.locator("th").last).to_be_visible()


def test_a_click_is_not_lost_where_the_list_changes_meanwhile(site: Site) -> None:
    def keep(digit: str) -> str:
        talk = {"id": digit * 32, "title": digit, "created_s": 1.0, "updated_s": 1.0}
        talk["messages"] = [{"role": "user", "content": "Hello"}]
        told = {"format": "airunner.conversations", "version": 1, "conversations": [talk]}
        with site.server.api as api:
            files = {"file": ("talks.json", json.dumps(told).encode())}
            api.post("/conversations/import", files=files).raise_for_status()
        return f"a[data-ids^='{digit * 3}']"

    first = keep("6")
    tab, other = site.open("/chat"), site.open("/chat")
    tab.locator(first).hover()
    tab.mouse.down()
    second = keep("5")
    expect(other.locator(second)).to_be_visible()
    tab.mouse.up()
    expect(tab).to_have_url(re.compile(f"/chat/{'6' * 32}$"))
    expect(tab.locator(second)).to_be_visible()


def test_an_answer_is_not_sent_again_while_it_grows(server: Server, browser: Browser) -> None:
    with site_of(server, browser) as site:
        tab = site.open()
        received = [0]
        session = site.context.new_cdp_session(tab)
        session.send("Network.enable")

        def took(event: dict[str, dict[str, str]]) -> None:
            received[0] += len(event["response"]["payloadData"])

        session.on("Network.webSocketFrameReceived", took)
        answer = say(tab, "write 8000 at 1000")
        expect(answer).to_contain_text(long_text(8000)[-40:].strip())
        assert received[0] < 250_000


@pytest.mark.skipif(find_spec("diffusers") is None, reason="no image engine is installed")
def test_a_picture_is_drawn_in_sight_and_another_one_like_it(tab: Page) -> None:
    tab.evaluate(WATCH)  # what is seen for a moment may be gone when a busy machine looks
    call = {"prompt": "a red circle", "enhance": False, "seed": 5}
    begin(tab, f"use generate_image {json.dumps(call)}")
    drawn = tab.locator("figure.drawn")
    expect(drawn).to_have_count(1)
    lines = tab.evaluate("watched.lines.join('\\n')")
    assert re.search(r"loading shapes-64 \(\d+ MB\)", lines)
    expect(drawn.locator(".settings")).to_contain_text("shapes-64 · seed 5")
    assert drawn.locator("img").evaluate("async each => (await each.decode(), each.naturalWidth)")
    expect(tab.locator(".call .by")).to_have_text("with shapes-64")
    expect(tab.locator(".turn")).to_have_count(0)  # whose end draws the buttons anew
    with tab.expect_download() as download:
        drawn.get_by_label("Save the picture").click()
    assert download.value.suggested_filename.endswith("a-red-circle.png")
    assert violations(tab) == []
    press(tab, "Another")
    expect(tab.locator(".said.user")).to_have_count(2)
    expect(drawn).to_have_count(2)
    assert tab.evaluate("watched.previews")  # of either: a server that halts shows only the end


def test_who_has_to_wait_for_an_answer_is_told_once_and_not_when_it_is_there(tab: Page) -> None:
    begin(tab, "hang")
    expect(tab.locator(".live")).to_contain_text("You said: hang")
    told = tab.locator(".q-notification")
    for _ in range(2):
        begin(tab, "hello again")
        expect(told).to_contain_text("still being written")
        expect(field(tab)).to_have_value("hello again")
    expect(told).to_have_count(1)
    press(tab, "Stop the answer")
    expect(told).to_have_count(0)


def test_a_conversation_that_another_window_deleted_says_so_and_goes_on_as_a_new_one(
    site: Site, tab: Page
) -> None:
    say(tab, "hello")
    gone = tab.url
    with site.server.api as api:
        api.delete(f"/conversations/{gone.rsplit('/', 1)[1]}").raise_for_status()
    expect(tab.get_by_text("This conversation is not here any more.")).to_be_visible()
    say(tab, "hello anew")
    expect(tab.locator(".said.user")).to_have_count(1)
    expect(tab.locator(".q-notification")).to_have_count(0)
    expect(tab).not_to_have_url(gone)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of others are Linux only")
def test_a_message_that_a_full_disk_refuses_is_told_and_stays_in_the_field(
    site: Site, tab: Page
) -> None:
    pid, hard = site.server.process.pid, resource.RLIM_INFINITY
    for is_new in (True, False):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
        begin(tab, "hello disk")
        expect(tab.locator(".q-notification")).to_contain_text("Cannot write")
        expect(field(tab)).to_have_value("hello disk")
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        tab.get_by_role("button", name="Close").click()
        expect(tab.locator(".q-notification")).to_have_count(0)
        say(tab, "hello disk")
        expect(tab.locator(".said.user")).to_have_count(1 if is_new else 2)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of others are Linux only")
def test_an_answer_that_a_full_disk_refuses_stays_in_sight(site: Site, tab: Page) -> None:
    pid, hard = site.server.process.pid, resource.RLIM_INFINITY
    begin(tab, "write 400 hang")
    expect(tab.locator(".live")).to_contain_text("What happens")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        press(tab, "Stop the answer")
        expect(tab.locator(".q-notification")).to_be_visible()
        expect(tab.locator(".live")).to_contain_text("What happens")
        expect(tab.get_by_role("status").filter(has_text="The answer failed")).to_have_count(1)
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


def test_the_end_is_announced_as_it_was(tab: Page) -> None:
    heard = tab.get_by_role("status")
    say(tab, "hello")
    expect(heard.filter(has_text="The answer is complete")).to_have_count(1)
    say(tab, "write 200 fail")
    expect(heard.filter(has_text="The answer failed")).to_have_count(1)
    begin(tab, "hang")
    press(tab, "Stop the answer")
    expect(heard.filter(has_text="You stopped this answer")).to_have_count(1)


def test_without_a_connection_nothing_is_sent_and_the_memory_is_what_was_known(
    site: Site, tab: Page
) -> None:
    say(tab, "hello")
    site.context.set_offline(True)
    expect(tab.locator(".connection")).to_contain_text("offline")
    told = tab.evaluate("getComputedStyle(document.querySelector('.strip'), '::before').content")
    assert "last known" in told
    begin(tab, "hello again")
    expect(tab.locator(".q-notification")).to_contain_text("Your message stays here")
    expect(field(tab)).to_have_value("hello again")
    site.context.set_offline(False)
    expect(tab.locator(".connection")).to_be_empty()
    say(tab, "hello again")
    expect(tab.locator(".said.user")).to_have_count(2)


def test_a_second_click_is_none(tab: Page) -> None:
    say(tab, "hello")
    asked = tab.url
    tab.get_by_role("button", name="Try again", exact=True).dblclick()
    expect(tab).not_to_have_url(asked)
    expect(tab.locator(".said.assistant .versions")).to_contain_text("2 / 2")
    expect(tab.locator(".turn")).to_have_count(0)


def test_what_is_typed_is_sent_once_and_what_is_too_long_is_said(tab: Page) -> None:
    sent: list[int] = []
    tab.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(len(data))))
    tab.reload()
    expect(field(tab)).to_be_focused()
    long = "what a long text " * 2_000
    field(tab).fill(long)
    field(tab).press_sequentially("abc")
    press(tab, "Send")
    expect(tab.locator(".said.assistant:not(.live)")).to_have_count(1)
    assert sum(size > len(long) for size in sent) == 1
    expect(field(tab)).to_have_value("")

    huge = "x" * 1_200_000
    field(tab).fill(huge)
    field(tab).press("Enter")
    expect(tab.locator(".q-notification")).to_contain_text("1,200,000 characters")
    expect(tab.locator(".q-notification")).to_contain_text("attach")
    expect(field(tab)).to_have_value(huge)
