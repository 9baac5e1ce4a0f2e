"""A rule is matched with what the tool will use, however a model spells it.

Every case here is one call of a real tool through the rules. What names a thing that a rule
denies is refused by that rule, or as a name; nothing of it is read, changed or asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.security.calls import called, loop_over, turn
from tests.toolbox.web.conftest import WebServer

from airunner.agent.conversation import Conversation
from airunner.errors import ToolRetryError
from airunner.events import ToolCallFinished
from airunner.messages import ToolCall
from airunner.toolbox.toolset import builtin_toolset
from airunner.toolbox.web.fetcher import Fetcher, following
from airunner.toolbox.web.web_address import address_meant
from airunner.tools.tool import tool
from airunner.tools.toolset import Toolset

SECRET = "the word is mellon"
TOOLS = builtin_toolset()
SPELLINGS = [
    " secret/k.txt",
    "secret/k.txt ",
    "\tsecret/k.txt",
    "\u00a0secret/k.txt",
    "\x1fsecret/k.txt\u2028",
    "\u2003secret/k.txt",
    "./secret/k.txt",
    ".//secret//k.txt",
    "notes/../secret/k.txt",
    "secret/./k.txt",
    "secret/../secret/k.txt",
    "{folder}/secret/k.txt",
    "{folder}/../files/secret/k.txt",
    "~/files/secret/k.txt",
    " ~/files/secret/k.txt",
    "{home}/files/secret/k.txt",
    "door/k.txt",
    "key.txt",
    "notes/way/k.txt",
    "secret/k.txt/",
    "secret/k.txt/..//k.txt",
    "missing/../secret/k.txt",
]
if Path("/proc/self/root").exists():
    SPELLINGS.append("/proc/self/root{folder}/secret/k.txt")
    SPELLINGS.append("/proc/thread-self/root/{folder}//secret/k.txt")
READING = ["read_document", "search_documents", "query_table", "run_python"]
CHANGING = ["append_to_file", "edit_file", "delete_file", "write_file", "move_file"]
OTHERS: dict[str, dict[str, Any]] = {
    "search_documents": {"query": "word"},
    "run_python": {"code": "print(open('k.txt').read())"},
    "append_to_file": {"content": "more"},
    "edit_file": {"old": "mellon", "new": "gone"},
    "write_file": {"content": "gone", "overwrite": True},
    "move_file": {"to": "mine.txt"},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A files folder in the user's home, with a file that rules are about and links to it."""
    path = tmp_path / "files"
    (path / "secret").mkdir(parents=True)
    (path / "notes").mkdir()
    (path / "secret" / "k.txt").write_text(SECRET, encoding="utf-8")
    (path / "notes" / "a.md").write_text("nothing", encoding="utf-8")
    (path / "door").symlink_to("secret")
    (path / "key.txt").symlink_to(path / "secret" / "k.txt")
    (path / "notes" / "way").symlink_to("../door")
    (tmp_path / "home_by_another_name").symlink_to(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return path


def spelled(folder: Path, spelling: str) -> str:
    home = folder.parent / "home_by_another_name"
    return spelling.replace("{folder}", str(folder)).replace("{home}", str(home))


@pytest.mark.parametrize("tool", READING + CHANGING)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_a_file_gets_past_a_rule_that_denies(
    folder: Path, tool: str, spelling: str
) -> None:
    argument = "file" if tool in READING else "path"
    rules = {tool: "allow", f"{tool}({argument}=secret/*)": "deny"}
    loop = loop_over(folder, TOOLS, rules)
    name = spelled(folder, spelling)
    outcome = called(loop, tool, **{argument: name, **OTHERS.get(tool, {})})
    assert outcome.problem, "it was run"
    assert SECRET not in outcome.message.text
    assert (folder / "secret" / "k.txt").read_text(encoding="utf-8") == SECRET
    assert not (folder / "mine.txt").exists()
    if tool in READING:
        assert "the rule" in outcome.problem


@pytest.mark.parametrize(
    "spelling",
    [
        *("{folder}/secret/*", "./secret/*", "~/files/secret/*", "secret", "secret/", "./secret"),
        *("{folder}/secret", "~/files/secret/", "SECRET", "notes/../secret", "[s]ecret", "*/k.txt"),
    ],
)
def test_a_rule_may_spell_a_folder_as_it_likes(folder: Path, spelling: str) -> None:
    rules = {f"read_document(file={spelled(folder, spelling)})": "deny"}
    assert (
        "the rule"
        in called(loop_over(folder, TOOLS, rules), "read_document", file="secret/k.txt").problem
    )


@pytest.mark.parametrize(
    "rule",
    [
        *("door", "door/", "door/*", "door/k.*", "./door/*", "{folder}/door/*", "~/files/door"),
        *("notes/way", "notes/way/*", "notes/../door/*", "key.txt", "{folder}/key.txt"),
        *("{home}/files/secret", "{home}/files/door/*", "d[o]or/*", "ring", "ring/door/k.txt"),
        *("do*", "DO?r/k.txt", "{folder}/[d]oo*/*", "~/files/d*r", "k*.txt", "notes/w*", "n*/w*y"),
        *("n*/way", "r?ng/do*", "r*/r*/r*/door", "d[o]or?", "*/way", "door/*.txt"),
        "r*/" * 40 + "door",  # in circles, of two links
    ],
)
def test_a_rule_that_names_a_link_is_about_what_it_leads_to(folder: Path, rule: str) -> None:
    for link in ("d[o]or", "d[o]orx"):
        (folder / link).symlink_to("secret")
    for link in ("ring", "round"):
        (folder / link).symlink_to(".")
    rules = {f"read_document(file={spelled(folder, rule)})": "deny"}
    loop = loop_over(folder, TOOLS, rules)
    for name in ("secret/k.txt", str(folder / "secret" / "k.txt"), "door/k.txt", "key.txt"):
        assert "the rule" in called(loop, "read_document", file=name).problem
    if rule != "ring":
        assert not called(loop, "read_document", file="notes/a.md").problem


@pytest.mark.parametrize("name", ["{folder}/notes/deep/way", "~/files/notes/./deep/way/"])
@pytest.mark.parametrize("rule", ["notes", "notes/*", "no?es/*.txt"])
def test_a_way_through_a_denied_folder_is_denied(folder: Path, rule: str, name: str) -> None:
    (folder / "notes" / "way").unlink()
    (folder / "notes" / "deep").mkdir()
    (folder / "notes" / "deep" / "way").symlink_to("../../secret")
    loop = loop_over(folder, TOOLS, {f"read_document(file={rule})": "deny"})
    name = spelled(folder, f"{name}/k.txt")
    assert "the rule" in called(loop, "read_document", file=name).problem
    assert not called(loop, "read_document", file="secret/k.txt").problem


@pytest.mark.parametrize("rule", ["door/*", "d*r"])
def test_where_a_link_of_a_rule_leads_is_looked_up_each_time(folder: Path, rule: str) -> None:
    loop = loop_over(folder, TOOLS, {f"read_document(file={rule})": "deny"})
    assert "the rule" in called(loop, "read_document", file="secret/k.txt").problem
    (folder / "door").unlink()
    (folder / "door").symlink_to("notes")
    assert "the rule" in called(loop, "read_document", file="notes/a.md").problem
    assert not called(loop, "read_document", file="secret/k.txt").problem


@pytest.mark.parametrize("made", ["name", "rule"])
def test_a_link_that_comes_while_the_user_is_asked_gives_nothing(folder: Path, made: str) -> None:
    """Either what was asked about is a link now, or what the rule names leads there now."""
    rules = {"append_to_file(path=door/*)": "deny"}
    (folder / "door").unlink()
    (folder / "door").symlink_to("secret")
    write = ToolCall("c", "append_to_file", {"path": "notes/a.md", "content": "more"})
    loop = loop_over(folder, TOOLS, rules, [write, "Done."])
    before = (folder / "notes" / "a.md").read_text(encoding="utf-8")

    def comes() -> None:
        if made == "name":
            (folder / "notes").rename(folder / "old")
            (folder / "notes").symlink_to("secret")
            (folder / "secret" / "a.md").write_text(SECRET, encoding="utf-8")
        else:
            (folder / "door").unlink()
            (folder / "door").symlink_to("notes")

    events, asked = turn(loop, Conversation.begin(), "yes", meanwhile=comes)
    (finished,) = [each for each in events if isinstance(each, ToolCallFinished)]
    assert asked
    assert ("a link was put there" if made == "name" else "the rule") in finished.problem
    changed = "secret" if made == "name" else "notes"
    expected = SECRET if made == "name" else before
    assert (folder / changed / "a.md").read_text(encoding="utf-8") == expected


@pytest.mark.parametrize("name", ["a[b]", "x*y", "caf\u00e9", "q'\"q", "a=b"])
@pytest.mark.parametrize("rest", ["", "/", "/*", "/k.txt"])
def test_a_rule_that_denies_may_have_any_sign_of_a_name(folder: Path, name: str, rest: str) -> None:
    (folder / "secret").rename(folder / name)
    rules = {f"read_document(file={name}{rest})": "deny"}
    assert (
        "the rule"
        in called(loop_over(folder, TOOLS, rules), "read_document", file=f"{name}/k.txt").problem
    )


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_rule_that_allows_a_folder_lets_nothing_else_in(folder: Path, spelling: str) -> None:
    rules = {"append_to_file": "deny", "append_to_file(path=notes/*)": "allow"}
    loop = loop_over(folder, TOOLS, rules)
    assert called(loop, "append_to_file", path=spelled(folder, spelling), content="x").problem
    assert (folder / "secret" / "k.txt").read_text(encoding="utf-8") == SECRET
    assert not called(loop, "append_to_file", path=" ./notes/a.md", content="x").problem


def test_a_folder_as_a_destination_is_the_file_that_will_be_in_it(folder: Path) -> None:
    rules = {"@write": "allow", "copy_file(to=secret/*)": "deny", "move_file(to=door/*)": "deny"}
    loop = loop_over(folder, TOOLS, rules)
    for to in ("secret", "secret/", " ./secret", "notes/../secret", "secret/new/", "door"):
        assert called(loop, "copy_file", path="notes/a.md", to=to).problem
    assert sorted(each.name for each in (folder / "secret").iterdir()) == ["k.txt"]


def test_what_a_search_comes_by_is_denied_too(folder: Path) -> None:
    tools = ("find_in_files", "search_documents", "list_files")
    rules = {f"{tool}({'file' if tool == 'search_documents' else 'path'}=secret/*)": "deny"
             for tool in tools}  # fmt: skip
    loop = loop_over(folder, TOOLS, rules)
    found = called(loop, "find_in_files", text="mellon")
    assert not found.problem
    assert SECRET not in found.message.text
    assert SECRET not in called(loop, "search_documents", query="word").message.text
    listed = called(loop, "list_files", deep=True).message.text
    assert "k.txt" not in listed
    assert "a.md" in listed
    for folder_name in ("secret", "secret/", "./secret", "door"):
        assert "the rule" in called(loop, "list_files", path=folder_name).problem


@pytest.mark.parametrize(
    "address",
    [
        "http://evil。example/",
        "http://EVIL．example/",
        "http://evil.example./",
        "http://evil.example:80/",
        "HTTP://Evil.Example/",
        " http://evil.example/",
        "\u00a0http://evil.example/",
        "http://evil.example/#@good.example",
        "http://134744072/",
        "http://0x08.0x08.0x08.0x08/",
        "http://8.8.2056/",
        "http://[::ffff:808:808]/",
        "http://xn--bcher-kva.example/",
        "http://b\u00fccher.example/",
        "http://site.example/%73ecret/k",
        "http://site.example/a/../secret/k",
        "http://site.example/a/%2e%2e/secret/k",
        "http://site.example//secret/k",
        "http://site.example/a/..%2fsecret/k",
    ],
)
def test_no_spelling_of_an_address_gets_past_a_rule_that_denies(folder: Path, address: str) -> None:
    denied = [
        "http://evil.example/*", "*://8.8.8.8/*", "http://bücher.example*",
        "http://site.example/secret/*",
    ]  # fmt: skip
    for name in ("read_web_page", "summarize_web_page", "download_file"):
        rules = {name: "allow", **{f"{name}(url={each})": "deny" for each in denied}}
        outcome = called(loop_over(folder, TOOLS, rules), name, url=address)
        assert "the rule" in outcome.problem


def test_a_rule_that_allows_a_path_on_the_web_lets_no_way_out_of_it() -> None:
    for way in ("pub/..%2fsecret", "pub/%2e%2e/secret", "pub/../secret"):
        meaning = address_meant(f"https://good.example/{way}", {}, None)
        loop = loop_over(Path("unused"), TOOLS, {"read_web_page(url=https://good.example/pub/*)":
                                                 "allow"})  # fmt: skip
        assert "nobody is there" in called(loop, "read_web_page", url=meaning.text).problem
    for none in (
        "http://010.8.8.8/",
        "http:\\\\evil.example/",
        "http://a@evil.example/",
        "http://%65vil.example:99/",
    ):
        with pytest.raises(ToolRetryError):
            address_meant(none, {}, None)


def test_always_covers_what_was_shown_and_no_more(folder: Path) -> None:
    def write(path: str, **more: Any) -> ToolCall:
        return ToolCall(f"c{path}", "write_file", {"path": path, "content": "x", **more})

    conversation = Conversation.begin()
    script = [
        write("notes/b.md"), write(" notes/c.md"), write("secret/new.txt"), write("d.md"),
        write("notes/deep/e.md"), write("notes/a.md", overwrite=True), "Done.",
    ]  # fmt: skip
    loop = loop_over(folder, TOOLS, {"write_file(path=*/c.md)": "ask"}, script)
    _, asked = turn(loop, conversation, "always")
    assert [(each.arguments["path"], each.always) for each in asked] == [
        ("notes/b.md", "write_file(path=notes/*, overwrite=false)"),
        ("notes/c.md", "write_file(path=notes/*, overwrite=false)"),  # another rule's question
        ("secret/new.txt", "write_file(path=secret/*, overwrite=false)"),
        ("d.md", "write_file(path=./*, overwrite=false)"),
        ("notes/deep/e.md", "write_file(path=notes/deep/*, overwrite=false)"),
        ("notes/a.md", "write_file(path=notes/*, overwrite=true)"),
    ]
    again = loop_over(folder, TOOLS, {}, [write("notes/f.md"), write("notes/g.md"), "Done."])
    events, asked = turn(again, Conversation.begin(), "always")
    assert len(asked) == 1
    finished = [each for each in events if isinstance(each, ToolCallFinished)]
    assert [each.problem for each in finished] == ["", ""]


@pytest.mark.parametrize(
    ("rules", "answer", "follows"),
    [
        ({"look": "allow"}, "", True),
        ({"look": "allow", "look(url=*evil.example*)": "deny"}, "", False),
        ({"look(url=http://site.example/*)": "allow"}, "", False),
        ({}, "yes", True),
        ({"look(url=*evil.example*)": "deny"}, "yes", False),
        ({}, "always", False),
    ],
)
def test_a_redirect_leads_nowhere_that_was_not_allowed(
    folder: Path, web: WebServer, rules: dict[str, str], answer: str, follows: bool
) -> None:
    @tool(permission="network", resolve={"url": address_meant})
    def look(url: str, api: Any = None) -> str:
        """Look at a page."""
        fetcher = Fetcher(
            "look",
            resolve=web.resolve,
            is_allowed=lambda address: address.is_loopback,
            may_follow=following(api),
        )
        with fetcher.open(url, max_bytes=100, total_s=10) as answer:
            return answer.read().decode()

    web.give("/there", "the evil page")
    address = web.refuse("/", 302, Location="http://EVIL.example:80/there")
    # The first answer of "always" is about this very page; the second call is under it.
    calls = [ToolCall(f"c{n}", "look", {"url": address}) for n in range(2)]
    loop = loop_over(folder, Toolset([look]), rules, [*calls, "Done."])
    events, _ = turn(loop, Conversation.begin(), answer)
    last = [each for each in events if isinstance(each, ToolCallFinished)][-1]
    assert bool(last.problem) is not follows
    assert ("evil.example" in web.hosts) is follows
