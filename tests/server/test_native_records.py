"""Conversations, notes, facts and reminders over HTTP, as a page keeps them."""

from __future__ import annotations

import base64
import json
import re
import time
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from tests.server.conftest import Server
from tests.tiny_png import png

PNG = png(2, 2)
BEES = "aaaaaaaa000000000000000000000001"
BOATS = "bbbbbbbb000000000000000000000002"


@pytest.fixture
def api(server: Server) -> Iterator[httpx.Client]:
    with server.api as client:
        yield client


def said(role: str, text: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": text, **more}


def exported(id: str, *messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id, "created_s": 1000.0, "updated_s": 2000.0, "messages": [*messages], **more}


def ours(*conversations: dict[str, Any]) -> bytes:
    told = {"format": "airunner.conversations", "version": 1, "conversations": [*conversations]}
    return json.dumps(told).encode()


def taken_in(api: httpx.Client, data: bytes) -> dict[str, Any]:
    response = api.post("/conversations/import", files={"file": ("chats.json", data)})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


@pytest.fixture
def bees(api: httpx.Client) -> Iterator[str]:
    talk = (
        said("system", "Be brief."),
        said("user", "How do bees make honey?"),
        said("assistant", "They collect nectar.", reasoning="Bees."),
        said("user", "And ants?"),
        said("assistant", "They do not."),
    )
    taken_in(api, ours(exported(BEES, *talk, title="Bees")))
    yield BEES
    family = api.get(f"/conversations/{BEES}/branches").json().get("entries", [])
    api.post("/conversations/delete", json={"ids": [each["id"] for each in family]})


def turn(api: httpx.Client, **body: Any) -> list[dict[str, Any]]:
    """The answers of a turn."""
    with api.stream("POST", "/turns", json={"max_tokens": 4, "seed": 1, **body}) as response:
        response.read()
    found = []
    for piece in response.text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in piece.splitlines() if ": " in line)
        if lines.get("event") == "generation_finished":
            found.append(json.loads(lines["data"]))
    return found


def test_a_message_is_edited_on_a_branch_and_the_old_way_stays(
    api: httpx.Client, bees: str
) -> None:
    made = api.post(f"/conversations/{bees}/branch", json={"at": 3, "text": "And wasps?"}).json()
    branch = made["conversation"]
    assert (branch["parent"], branch["left_at"], branch["title"]) == (bees, 3, "Bees")
    assert made["content"]["messages"] == [said("user", "And wasps?")]
    turn(api, conversation_id=branch["id"], content=made["content"])
    texts = [m["content"] for m in api.get(f"/conversations/{branch['id']}").json()["messages"]]
    assert texts[:4] == [
        "Be brief.",
        "How do bees make honey?",
        "They collect nectar.",
        "And wasps?",
    ]
    old = api.get(f"/conversations/{bees}").json()
    assert [m["content"] for m in old["messages"]][3:] == ["And ants?", "They do not."]
    family = api.get(f"/conversations/{bees[:8]}/branches").json()
    assert family["versions"] == {"3": [bees, branch["id"]]}
    assert [each["id"] for each in family["entries"]] == [bees, branch["id"]]


def test_an_answer_is_made_again_with_a_warm_beginning(api: httpx.Client, bees: str) -> None:
    made = api.post(f"/conversations/{bees}/branch", json={"at": 4}).json()
    assert made["content"]["messages"] == [said("user", "And ants?")]
    branch = made["conversation"]
    assert branch["left_at"] == 4
    turn(api, conversation_id=branch["id"], content=made["content"])
    again = api.post(f"/conversations/{branch['id']}/branch", json={"at": 4}).json()
    (answered,) = turn(api, conversation_id=again["conversation"]["id"], content=again["content"])
    assert answered["cached_tokens"] > answered["prompt_tokens"] * 0.8
    family = api.get(f"/conversations/{bees}/branches").json()
    assert family["versions"] == {"4": [bees, branch["id"], again["conversation"]["id"]]}


def test_a_branch_at_the_first_question_has_a_title_of_its_own(
    api: httpx.Client, bees: str
) -> None:
    made = api.post(f"/conversations/{bees}/branch", json={"at": 1, "text": "Tell me of boats"})
    assert made.json()["conversation"]["title"] == "Tell me of boats"
    behind = api.post(f"/conversations/{bees}/branch", json={"at": 5}).json()
    assert behind["content"] is None
    for at, problem in ((6, "5 messages"), (0, "nobody has said")):
        refused = api.post(f"/conversations/{bees}/branch", json={"at": at})
        assert refused.status_code == 400
        assert problem in refused.json()["error"]["message"]
        assert refused.json()["error"]["raised"]["error"] == "UnusableRecordError"
    assert not re.search(r"codec|Expecting|line 1|byte 0x", refused.text)


def test_folders_pins_and_pages(api: httpx.Client, bees: str) -> None:
    taken_in(api, ours(exported(BOATS, said("user", "Boats?"), updated_s=9e9)))
    changed = api.patch(f"/conversations/{bees}", json={"folder": "A/b c", "pinned": True}).json()
    assert (changed["folder"], changed["pinned"], changed["title"]) == ("A/b c", True, "Bees")
    assert api.get("/folders").json()["folders"] == [{"name": "A/b c", "conversations": 1}]
    (pinned,) = api.get("/conversations", params={"pinned": True}).json()["conversations"]
    assert pinned["id"] == bees
    first = api.get("/conversations", params={"limit": 1}).json()
    assert [each["id"] for each in first["conversations"]] == [BOATS]
    rest = api.get("/conversations", params={"limit": 9, "after": first["next"]}).json()
    assert bees in [each["id"] for each in rest["conversations"]]
    assert rest["next"] == ""
    assert rest["total"] == len(rest["conversations"]) + 1
    assert api.get("/conversations", params={"after": "x"}).status_code == 400
    assert api.patch("/folders/A/b c", json={"name": ""}).json() == {"moved": 1}
    assert api.get("/folders").json()["folders"] == []
    gone = api.post("/conversations/delete", json={"ids": [BOATS, "nobody"]}).json()
    assert gone == {"deleted": [BOATS]}


def test_a_search_shows_where_it_was_said(api: httpx.Client, bees: str) -> None:
    (found,) = api.get("/conversations", params={"search": "nectar"}).json()["conversations"]
    assert (found["id"], found["place"]) == (bees, 2)
    assert "nectar" in found["excerpt"]


def test_a_title_is_proposed_without_a_model_and_with_one(api: httpx.Client, bees: str) -> None:
    proposed = api.post(f"/conversations/{bees}/title", json={}).json()
    assert proposed == {"title": "How do bees make honey?"}
    assert api.post(f"/conversations/{bees}/title", json={"model": True}).json()["title"]
    assert api.get(f"/conversations/{bees}").json()["title"] == "Bees"


def test_what_is_exported_comes_back_whole(api: httpx.Client, bees: str) -> None:
    api.post(f"/conversations/{bees}/branch", json={"at": 3})
    shown = {"role": "user", "content": [{"type": "text", "text": "Look"}]}
    sha = "0" * 64  # what is in the file counts, not what it is called
    shown["content"].append({"type": "image", "media_type": "text/html", "sha256": sha})
    files = {sha: base64.b64encode(PNG).decode()}
    taken_in(api, ours(exported(BOATS, shown, files=files, folder="Sea", pinned=True)))
    whole = api.post("/conversations/export", json={}).content
    entries = api.get("/conversations").json()["conversations"]
    nothing = {"added": [], "refused": [], "left_out": {}}
    assert taken_in(api, whole) == nothing | {"known": len(entries)}
    ids = [each["id"] for each in entries]
    assert len(api.post("/conversations/delete", json={"ids": ids}).json()["deleted"]) == len(ids)
    assert len(taken_in(api, whole)["added"]) == len(ids)
    back = api.get("/conversations").json()["conversations"]
    assert sorted(back, key=str) == sorted(entries, key=str)
    (picture,) = (
        part["sha256"]
        for part in api.get(f"/conversations/{BOATS}").json()["messages"][0]["content"]
        if part["type"] == "image"
    )
    sent = api.get(f"/conversations/{BOATS}/files/{picture}")
    assert (sent.content, sent.headers["content-type"]) == (PNG, "image/png")
    api.post("/conversations/delete", json={"ids": [BOATS]})


def test_an_id_that_is_taken_by_another_conversation_is_not_overwritten(
    api: httpx.Client, bees: str
) -> None:
    (added,) = taken_in(api, ours(exported(BEES, said("user", "Other"))))["added"]
    assert added["id"] != bees
    assert api.get(f"/conversations/{bees}").json()["title"] == "Bees"
    (odd,) = taken_in(api, ours(exported("../../x", said("user", "Odd"))))["added"]
    assert set(odd["id"]) <= set("0123456789abcdef")
    api.post("/conversations/delete", json={"ids": [added["id"], odd["id"]]})


def test_a_conversation_is_read_as_markdown(api: httpx.Client) -> None:
    call = {"id": "c", "name": "add", "arguments": {"a": 2}}
    talk = (
        said("user", "2 + 3?"),
        said("assistant", "", tool_calls=[call], reasoning="Add."),
        said("tool", "```5```", tool_call_id="c", name="add"),
        said("assistant", "It is 5."),
    )
    ended = {"0": "failed"}
    taken_in(api, ours(exported(BOATS, *talk, title='Sums: "2/3"', outcomes=ended)))
    shown = api.get(f"/conversations/{BOATS}/export")
    assert shown.text.startswith('# Sums: "2/3"\n\n## You\n\n2 + 3?\n\n## Assistant\n\n<details>')
    assert '**Call of add**\n\n```json\n{\n  "a": 2\n}\n```' in shown.text
    assert "**Result of add**\n\n````\n```5```\n````" in shown.text
    assert shown.text.endswith("It is 5.\n\n*(This answer is not finished.)*\n")
    assert "Sums%202%203.md" in shown.headers["content-disposition"]
    one = api.get(f"/conversations/{BOATS}/export", params={"form": "json"}).json()
    (there,) = one["conversations"]
    assert (there["id"], there["outcomes"]) == (BOATS, ended)
    api.delete(f"/conversations/{BOATS}")
    cut = {"0": "cut_off"}
    taken_in(api, ours(exported(BOATS, *talk, outcomes=cut)))
    shown = api.get(f"/conversations/{BOATS}/export")
    assert shown.text.endswith("*(This answer was cut off at the most tokens.)*\n")
    one = api.get(f"/conversations/{BOATS}/export", params={"form": "json"}).json()
    assert one["conversations"][0]["outcomes"] == cut
    (account,) = api.get(f"/conversations/{BOATS}/turns").json()["turns"].values()
    assert (account["outcome"], account["cut_off"]) == ("answered", True)
    api.delete(f"/conversations/{BOATS}")


def chatgpt() -> list[dict[str, Any]]:
    def node(id: str, parent: str | None, role: str, *parts: Any, **more: Any) -> dict[str, Any]:
        content = {"content_type": "text", "parts": list(parts)}
        return {
            "id": id,
            "parent": parent,
            "message": {"author": {"role": role}, "content": content, **more},
        }

    nodes = [
        node("s", "root", "system", ""),
        node("q", "s", "user", "What is a sloop?"),
        node("old", "q", "assistant", "An old answer."),
        node("call", "q", "assistant", "search(sloop)", recipient="web"),
        node("tool", "call", "tool", "found"),
        node("a", "tool", "assistant", "A boat", {"asset_pointer": "x"}, "with one mast."),
        node("b", "a", "assistant", "Really."),
    ]
    mapping = {each["id"]: each for each in nodes}
    mapping["root"] = {"id": "root", "parent": None, "message": None}
    told = {"title": "Sloops", "create_time": 1.7e9, "update_time": None, "mapping": mapping}
    return [
        {**told, "current_node": "b", "conversation_id": "6f000000-0000-4000-8000-00000000000a"}
    ]


def test_an_export_of_chatgpt_is_taken_in(api: httpx.Client) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("conversations.json", json.dumps(chatgpt()))
        archive.writestr("user.json", "{}")
    came = taken_in(api, packed.getvalue())
    (added,) = came["added"]
    assert came["left_out"] == {
        "calls, results and thoughts": 2,
        "pictures and files": 1,
        "messages of abandoned branches": 1,
    }
    assert (added["title"], added["created_s"]) == ("Sloops", 1.7e9)
    messages = api.get(f"/conversations/{added['id']}").json()["messages"]
    told = "A boat\n\nwith one mast.\n\nReally."
    assert messages == [said("user", "What is a sloop?"), said("assistant", told)]
    odd = [{"title": "No talk", "mapping": None}, *chatgpt()]
    came = taken_in(api, json.dumps(odd).encode())
    assert came["known"] == 1
    assert came["refused"] == [
        "conversation 1 (No talk): it is no export of AI Runner, ChatGPT or Open WebUI"
    ]
    api.delete(f"/conversations/{added['id']}")


def test_an_export_of_open_webui_is_taken_in(api: httpx.Client) -> None:
    thought = '<details type="reasoning" done="true"><summary>x</summary>Hm</details>Hello!'
    messages = {
        "1": {"id": "1", "parentId": None, "role": "user", "content": "Hi"},
        "2": {"id": "2", "parentId": "1", "role": "assistant", "content": "Old"},
        "3": {"id": "3", "parentId": "1", "role": "assistant", "content": thought},
    }
    chat = {"title": "Greeting", "history": {"messages": messages, "currentId": "3"}}
    told = [{"id": "5f1d", "pinned": True, "created_at": 1_700_000_000, "chat": chat}]
    (added,) = taken_in(api, json.dumps(told).encode())["added"]
    assert (added["title"], added["pinned"], added["messages"]) == ("Greeting", True, 2)
    back = api.get(f"/conversations/{added['id']}").json()["messages"]
    assert back == [said("user", "Hi"), said("assistant", "Hello!")]
    api.delete(f"/conversations/{added['id']}")


@pytest.mark.parametrize(
    "data",
    [
        b"no json",
        b"\x89PNG\r\n\x1a\n\x00\x00\xff",
        b"[" * 100_000,
        b"PK\x03\x04 and then nothing",
        b'[{"title": "x"}]',
        b'{"format": "airunner.conversations", "version": 2}',
        ours(exported(BOATS, said("wizard", "x"))),
        ours(exported(BOATS, {"role": "user", "content": 5})),
        ours({"id": "x"}),
    ],
)
def test_what_is_no_export_is_refused_and_changes_nothing(api: httpx.Client, data: bytes) -> None:
    before = api.get("/conversations").json()["total"]
    refused = api.post("/conversations/import", files={"file": ("x", data)})
    assert refused.status_code == 400, refused.text
    assert refused.json()["error"]["raised"]["error"] == "UnusableRecordError"
    assert api.get("/conversations").json()["total"] == before


def test_every_reader_hears_of_a_change(api: httpx.Client, bees: str) -> None:
    other = "cccccccc000000000000000000000003"
    taken_in(api, ours(exported(other, said("user", "Sloops?"), title="All about sloops")))
    api.patch(f"/conversations/{bees}", json={"title": "Honey"})
    api.patch(f"/conversations/{bees}", json={"pinned": True})
    api.delete(f"/conversations/{bees}")
    call = {"arguments": {"conversation": "All about sloops"}, "approved": True}
    assert not api.post("/tools/delete_conversation", json=call).json()["problem"]
    heard: list[tuple[str, str]] = []
    with api.stream("GET", "/events", params={"after": 0}) as response:
        for line in response.iter_lines():
            if line.startswith("data: ") and '"what"' in line and '"turn_runs"' in line:
                told = json.loads(line[6:])
                heard.append((told["conversation"], told["what"]))
                if heard[-1] == (other, "deleted"):
                    break
    assert heard[-4:-1] == [(bees, "retitled"), (bees, "moved"), (bees, "deleted")]


def test_notes_are_written_changed_found_and_deleted(api: httpx.Client) -> None:
    note = api.post("/notes", json={"text": "Milk and bread\nfor Sunday"}).json()
    assert note["title"] == "Milk and bread for Sunday"
    assert api.post("/notes", json={"title": note["title"].upper(), "text": "x"}).status_code == 400
    path = f"/notes/{note['number']}"
    changed = api.patch(path, json={"title": "Shopping"}).json()
    assert (changed["title"], changed["text"]) == ("Shopping", note["text"])
    assert api.patch(path, json={"text": "Eggs"}).json()["title"] == "Shopping"
    other = api.post("/notes", json={"title": "Other", "text": "x"}).json()
    taken = api.patch(f"/notes/{other['number']}", json={"title": "shopping"})
    assert "another one called 'Shopping'" in taken.json()["error"]["message"]
    (found,) = api.get("/notes", params={"search": "eggs"}).json()["notes"]
    assert (found["number"], found["excerpt"]) == (note["number"], "Eggs")
    assert api.patch(path, json={"title": " \n"}).status_code == 400
    for number in (note["number"], other["number"]):
        assert api.delete(f"/notes/{number}").json() == {"deleted": number}
    assert api.delete(path).status_code == 404
    assert api.patch(path, json={"text": "x"}).status_code == 404


def test_facts_are_told_worded_anew_and_forgotten(api: httpx.Client) -> None:
    fact = api.post("/facts", json={"text": "I live in\nKraków."}).json()
    other = api.post("/facts", json={"text": "I like tea."}).json()
    path = f"/facts/{fact['number']}"
    assert api.patch(path, json={"text": "I live in Łódź."}).json()["told_s"] == fact["told_s"]
    assert api.patch(path, json={"text": "i like TEA."}).status_code == 400
    assert api.post("/facts", json={"text": "  "}).status_code == 400
    told = [each["text"] for each in api.get("/facts").json()["facts"]]
    assert told == ["I like tea.", "I live in Łódź."]
    assert api.delete(path).status_code == 200
    assert api.patch(path, json={"text": "x"}).status_code == 404
    api.delete(f"/facts/{other['number']}")


def test_reminders_are_set_moved_and_cancelled(api: httpx.Client) -> None:
    due_s = time.time() + 86_400
    reminder = api.post("/reminders", json={"text": "Call Ada", "when": due_s}).json()
    worded = api.post("/reminders", json={"text": "Go", "when": "in 3 hours"}).json()
    assert worded["due_s"] == pytest.approx(time.time() + 3 * 3600, abs=60)
    path = f"/reminders/{reminder['number']}"
    moved = api.patch(path, json={"when": due_s + 60}).json()
    assert (moved["text"], moved["due_s"]) == ("Call Ada", due_s + 60)
    waiting = [each["text"] for each in api.get("/reminders").json()["reminders"]]
    assert waiting == ["Go", "Call Ada"]
    for when in (5.0, 1e300, "03/04/2027 at 9:00", "whenever"):
        assert api.post("/reminders", json={"text": "x", "when": when}).status_code == 400
    for number in (reminder["number"], worded["number"]):
        assert api.delete(f"/reminders/{number}").status_code == 200
    assert api.patch(path, json={"text": "x"}).status_code == 404
