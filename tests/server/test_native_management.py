"""Settings, rules, MCP servers, keys, problems and files over HTTP, as a page manages them."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.conftest import Server, serving

from airunner.config.settings import SETTINGS, Settings
from airunner.runtime.attaching import attach
from airunner.runtime.checkup import examine
from airunner.server.native.settings_service import SUBJECTS

TIME = {"command": sys.executable, "args": ["-m", "mcp_server_time"], "permission": "read"}


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    servers = {"clock": {**TIME, "env": {"TOKEN": "secret"}}, "old": {"url": "http://127.0.0.1:1"}}
    servers["old"]["disabled"] = True
    (home / "mcp.json").write_text(json.dumps({"mcpServers": servers, "other": 1}))
    (home / "config.toml").write_text(
        '# Mine.\nparking_disk = "900TB"\n[permissions]\n"@network" = "deny"\n'
    )
    with serving(home, "--max-memory", "600MB") as found:
        yield found


@pytest.fixture
def api(server: Server) -> Iterator[httpx.Client]:
    with server.api as client:
        yield client


def problem(response: httpx.Response, status: int = 400) -> str:
    assert response.status_code == status, response.text
    told: str = response.json()["error"]["message"]
    return told


def test_a_setting_is_written_and_holds_from_the_next_start(
    api: httpx.Client, server: Server
) -> None:
    before = api.get("/settings").json()
    assert before["max_steps"]["pending"] is False
    shown = {name: before[name]["data"] for name in ("offline", "max_memory", "primary")}
    assert shown == {"offline": True, "max_memory": 600_000_000, "primary": None}
    assert (before["kv_type"]["kind"], before["kv_type"]["options"][0]) == ("choice", "f16")
    changes = {"max_steps": 5, "keep_in_memory": ["summarization"]}
    told = api.patch("/settings", json=changes).json()
    assert told["file"] == str(server.home / "config.toml")
    steps = told["settings"]["max_steps"]
    assert (steps["value"], steps["in_file"], steps["pending"]) == ("8", "5", True)
    assert (steps["kind"], steps["needs_restart"], steps["overridden_by"]) == ("integer", True, "")
    text = (server.home / "config.toml").read_text()
    assert text.startswith("# Mine.\n")
    assert "max_steps = 5" in text
    told = api.patch("/settings", json={"max_steps": None, "keep_in_memory": None}).json()
    assert told["settings"]["max_steps"]["pending"] is False
    assert "max_steps" not in (server.home / "config.toml").read_text()


def test_what_stays_in_memory_and_where_lasts_if_that_is_wanted(
    api: httpx.Client, server: Server
) -> None:
    def in_file(name: str) -> object:
        return tomllib.loads((server.home / "config.toml").read_text()).get(name)

    device = api.get("/status").json()["devices"][0]["device"]
    summaries = {"capability": "summarization", "device": device}
    with api.stream("GET", "/events") as events:
        for lasting in (False, True):
            for path, body in (
                ("/pin", {"capabilities": ["summarization"]}),
                ("/assign", summaries),
            ):
                api.post(path, json={**body, "lasting": lasting}).raise_for_status()
            known = api.get("/settings").json()
            assert in_file("keep_in_memory") == (["summarization"] if lasting else None)
            assert in_file("assign") == ({"summarization": device} if lasting else None)
        told = next(line for line in events.iter_lines() if line == "event: setup_changed")
    assert told
    assert known["keep_in_memory"]["data"] == ["summarization"]
    assert known["keep_in_memory"]["pending"] is known["assign"]["pending"] is False
    api.post("/assign", json={**summaries, "device": None, "lasting": True}).raise_for_status()
    api.post("/pin", json={"capabilities": [], "lasting": True}).raise_for_status()
    assert in_file("assign") is in_file("keep_in_memory") is None


def test_a_budget_in_which_nothing_fits_is_warned_of_and_found(
    api: httpx.Client, server: Server
) -> None:
    told = api.patch("/settings", json={"devices": "cpu=100MB"}).json()
    try:
        assert "Nothing can answer with this" in told["warning"]
        assert "the largest budget is 100 MB" in told["warning"]
        report = examine(Settings.load({"home": server.home}, {}))
        assert "primary_conversation-too-large" in {each["id"] for each in report["problems"]}
    finally:
        back = api.patch("/settings", json={"devices": None}).json()
    assert back["warning"] == ""


def test_every_setting_has_one_subject(api: httpx.Client) -> None:
    listed = [name for names in SUBJECTS.values() for name in names]
    assert sorted(listed) == sorted(SETTINGS)
    assert api.get("/settings").json()["home"]["subject"] == "Folders and downloads"


def test_a_flag_wins_over_what_is_written_and_that_is_told(api: httpx.Client) -> None:
    told = api.patch("/settings", json={"context": 4096}).json()["settings"]["context"]
    assert told["overridden_by"] == "flag --context"
    assert (told["value"], told["in_file"], told["pending"]) == (
        "2048",
        "4,096".replace(",", ""),
        False,
    )
    api.patch("/settings", json={"context": None})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_steps": 0}, "max_steps=0"),
        ({"no_such": 1}, "no such setting"),
        ({"primary": "nobody/nothing"}, "No model named"),
        ({"keep_in_memory": ["sumarization"]}, "No capability"),
        ({"assign": {"summarization": "cuda:9"}}, "cuda:9"),
        ({"tools": "wep"}, "Did you mean web?"),
        ({"llama_server": "/no/such/file"}, "no such file"),
    ],
)
def test_what_would_keep_the_server_from_starting_is_not_written(
    api: httpx.Client, server: Server, changes: dict[str, Any], words: str
) -> None:
    before = (server.home / "config.toml").read_text()
    refused = api.patch("/settings", json={**changes, "max_tokens": 100})
    assert words in problem(refused)
    raised = refused.json()["error"]["raised"]
    assert (raised["error"], raised["fields"]["name"]) == ("SettingsError", *changes)
    assert (server.home / "config.toml").read_text() == before


def decision(api: httpx.Client, tool: str) -> str:
    tools = api.get("/tools").json()["tools"]
    return next(str(each["decision"]) for each in tools if each["name"] == tool)


def test_a_rule_holds_at_once_for_everybody(api: httpx.Client, server: Server) -> None:
    rules = api.get("/permissions").json()
    network = "every tool that reaches the network"
    assert rules["rules"] == [{"pattern": "@network", "decision": "deny", "covers": network}]
    assert ("@write", "ask") in [(each["pattern"], each["decision"]) for each in rules["defaults"]]
    assert (rules["always"], rules["overridden_by"]) == ([], "")
    call = {"arguments": {"text": "x"}, "approved": True}
    assert decision(api, "save_note") == "ask"
    rule = {"pattern": "save_note(title=*)", "decision": "deny"}
    told = api.post("/permissions", json=rule).json()
    assert told["rules"][-1] == {**rule, "covers": "calls of save_note, where title is anything"}
    assert "forbids this call" in api.post("/tools/save_note", json=call).json()["problem"]
    # A program beside the server that reads the same file has the same rules.
    beside = attach(Settings.load({"home": server.home}, {}))
    assert beside is not None
    with beside:
        assert beside.settings.permissions[-1] == ("save_note(title=*)", "deny")
    api.post("/permissions", json={"pattern": "save_note", "decision": "allow"})
    told = api.delete("/permissions/save_note(title=*)").json()
    assert [each["pattern"] for each in told["rules"]] == ["@network", "save_note"]
    assert decision(api, "save_note") == "allow"
    assert '"@network" = "deny"' in (server.home / "config.toml").read_text()
    api.delete("/permissions/save_note")
    assert problem(api.delete("/permissions/save_note"), 404)
    assert "names no tool" in problem(
        api.post("/permissions", json={"pattern": "rm -rf", "decision": "allow"})
    )
    assert problem(api.delete("/always/conversation/save_note"), 404)


def test_what_was_answered_with_always_is_listed_and_taken_back(api: httpx.Client) -> None:
    asked = {"content": 'Note "tea"', "tool_choice": "save_note", "may_ask": True, "max_tokens": 32}
    with api.stream("POST", "/turns", json=asked) as response:
        for line in response.iter_lines():
            if line.startswith("data: ") and '"question": "ask_' in line and "arguments" in line:
                question = json.loads(line[6:])["question"]
                api.post(f"/approvals/{question}", json={"answer": "always"})
    (always,) = api.get("/permissions").json()["always"]
    assert (always["tool"], always["title"]) == ("save_note", 'Note "tea"')
    path = f"/always/{always['conversation']}/save_note"
    assert api.delete(path).json()["always"] == []
    assert problem(api.delete(path), 404)
    api.delete(f"/conversations/{always['conversation']}")


def test_mcp_servers_are_shown_as_they_are_without_their_secrets(api: httpx.Client) -> None:
    api.get("/tools")  # whoever needs the tools first has the servers started
    told = api.get("/mcp")
    assert "secret" not in told.text
    clock, old = told.json()["servers"]
    assert (clock["state"], clock["problem"], clock["pending"]) == ("connected", "", False)
    assert "clock_get_current_time" in clock["tools"]
    assert clock["entry"]["env"] == {"TOKEN": None}
    assert (old["name"], old["state"]) == ("old", "disabled")


def test_mcp_servers_are_added_tried_switched_off_and_removed(
    api: httpx.Client, server: Server
) -> None:
    def written() -> dict[str, Any]:
        content: dict[str, Any] = json.loads((server.home / "mcp.json").read_text())
        assert content["other"] == 1
        found: dict[str, Any] = content["mcpServers"]
        return found

    api.get("/tools").raise_for_status()  # whoever asks for them has the servers connected
    added = api.post("/mcp/my time", json={**TIME, "allow": ["convert*"]}).json()
    assert (added["state"], added["pending"]) == ("not used yet", True)
    assert api.post("/mcp/my time/probe").json() == {
        "tools": ["my_time_convert_time"],
        "problems": [],
    }
    entry = {**TIME, "env": {"TOKEN": None, "MORE": "x"}, "timeout_s": 5}
    changed = api.post("/mcp/clock", json=entry).json()
    assert (changed["pending"], changed["entry"]["timeout_s"]) == (True, 5)
    assert written()["clock"]["env"] == {"TOKEN": "secret", "MORE": "x"}
    assert api.patch("/mcp/clock", json={"enabled": False}).json()["state"] == "disabled"
    assert written()["clock"]["disabled"] is True
    assert api.patch("/mcp/clock", json={"enabled": True}).json()["state"] == "connected"
    broken = api.post("/mcp/broken", json={"command": "no-such-program"})
    assert broken.status_code == 200
    (why,) = api.post("/mcp/broken/probe").json()["problems"]
    assert "did not start" in why
    assert 'either a "command" or a "url"' in problem(api.post("/mcp/clock", json={}))
    assert "must be text" in problem(api.post("/mcp/x", json={"command": 1}))
    back = api.post("/mcp/clock", json={**TIME, "env": {"TOKEN": None}}).json()
    assert back["pending"] is False
    for name in ("my time", "broken"):
        assert api.delete(f"/mcp/{name}").json() == {"deleted": name}
    assert set(written()) == {"clock", "old"}
    for response in (
        api.delete("/mcp/nobody"),
        api.patch("/mcp/nobody", json={"enabled": True}),
        api.post("/mcp/nobody/probe"),
    ):
        problem(response, 404)


def test_a_key_is_told_once_works_and_is_revoked(api: httpx.Client, server: Server) -> None:
    made = api.post("/keys", json={"name": "phone", "models": ["qwen*"], "priority": "low"}).json()
    assert made["key"].startswith("air-")
    listed = api.get("/keys")
    assert made["key"] not in listed.text
    (row,) = listed.json()["keys"]
    assert (row["name"], row["models"], row["tools"]) == ("phone", ["qwen*"], ["*"])
    assert (row["priority"], row["manages"]) == ("low", False)
    header = {"Authorization": f"Bearer {made['key']}"}
    for path in ("keys", "settings", "permissions", "mcp", "checkup", "files", "conversations"):
        url = f"{server.presence.url}/api/v1/{path}"
        assert httpx.get(url, headers=header, trust_env=False).status_code == 403
    assert "key of that name" in problem(api.post("/keys", json={"name": "phone"}))
    assert problem(api.post("/keys", json={"name": "no blanks"}))
    assert api.delete("/keys/phone").json() == {"deleted": "phone"}
    assert "no key" in problem(api.delete("/keys/phone"))


def test_problems_are_told_and_mended(api: httpx.Client, server: Server) -> None:
    report = api.get("/checkup").json()
    found = {each["id"]: each for each in report["problems"]}
    assert report["ok"] is True
    assert found["embedded-primary"]["remedy"]
    assert found["embedded-primary"]["fix"] is None
    fix = found["space-parking-on-disk"]["fix"]
    assert fix["settings"]["parking_disk"] > 0
    mended = api.post("/checkup/space-parking-on-disk").json()
    assert mended["needs_restart"] is True
    next_time = examine(Settings.load({"home": server.home}, {}))
    assert "space-parking-on-disk" not in {each["id"] for each in next_time["problems"]}
    assert problem(api.post("/checkup/embedded-primary"), 404)
    assert problem(api.post("/checkup/nothing"), 404)


def test_a_file_is_handed_over_read_by_a_tool_and_deleted(api: httpx.Client) -> None:
    text = b"# Bees\n\nBees make honey of nectar.\n"
    sent = api.post("/files", files={"file": ("../../My: notes.md", text)}).json()
    assert (sent["name"], sent["n_bytes"]) == ("uploads/My notes.md", len(text))
    same = api.post("/files", files={"file": ("My notes.md", text)}).json()
    assert same["name"] == sent["name"], "it is there already"
    for longer in (text[:-1], text + b"!"):
        other = api.post("/files", files={"file": ("My notes.md", longer)}).json()
        assert other["name"] == "uploads/My notes (2).md"
        assert api.delete(f"/files/{other['name']}").is_success
    again = api.post("/files", files={"file": ("My notes.md", b"Other")}).json()
    assert again["name"] == "uploads/My notes (2).md"
    assert {each["name"] for each in api.get("/files").json()["files"]} == {
        sent["name"],
        again["name"],
    }
    read = api.post("/tools/read_document", json={"arguments": {"file": sent["name"]}}).json()
    assert "Bees make honey of nectar." in read["message"]["content"]
    back = api.get(f"/files/{sent['name']}")
    assert (back.content, back.headers["content-type"]) == (text, "application/octet-stream")
    assert "attachment" in back.headers["content-disposition"]
    assert problem(api.get("/files/../records.sqlite3"), 404)
    assert problem(api.get("/files/%2Fetc%2Fpasswd"), 404)
    for name in (sent["name"], again["name"]):
        assert api.delete(f"/files/{name}").json() == {"deleted": name}
    assert problem(api.delete(f"/files/{sent['name']}"), 404)
    assert api.get("/files").json() == {"files": []}


def test_the_panels_of_a_page_need_no_more_than_tools(api: httpx.Client) -> None:
    sent = api.post("/files", files={"file": ("sea.txt", b"The sea is blue.")}).json()
    summary = {"arguments": {"file": sent["name"], "max_sentences": 1}}
    told = api.post("/tools/summarize_document", json=summary).json()
    assert told["message"]["content"].startswith("Summary of uploads/sea.txt")
    api.delete(f"/files/{sent['name']}")
    code = {"arguments": {"code": "print(sum(range(5)))\nprint('done')"}}
    assert "nobody is there" in api.post("/tools/run_python", json=code).json()["problem"]
    ran = api.post("/tools/run_python", json={**code, "approved": True, "stream": True}).text
    assert "event: tool_call_finished" in ran
    assert "10\\ndone" in ran


def test_every_setting_has_a_subject() -> None:
    named = [name for names in SUBJECTS.values() for name in names]
    assert sorted(named) == sorted(SETTINGS)
