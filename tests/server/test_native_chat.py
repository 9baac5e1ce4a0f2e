"""What a page keeps with a conversation, over HTTP: attachments, options, how turns went."""

from __future__ import annotations

import resource
import stat
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import httpx
import pytest
from tests.server.conftest import Server
from tests.tiny_png import png

EMBEDDED = "HuggingFaceTB/SmolLM2-135M-Instruct"
OTHER = "HuggingFaceTB/SmolLM2-135M-Instruct-Q8_0"


@pytest.fixture
def api(server: Server) -> Iterator[httpx.Client]:
    with server.api as client:
        yield client


def attached(api: httpx.Client, name: str, data: bytes, status: int = 200) -> dict[str, Any]:
    response = api.post("/attachments", files={"file": (name, data)})
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()
    return found


def turn(api: httpx.Client, **body: Any) -> dict[str, Any]:
    """Take a turn to its end; its conversation."""
    text = api.post("/turns", json={"max_tokens": 4, **body}).text
    assert "event: result" in text, text
    entry: dict[str, Any] = api.get("/conversations?limit=1").json()["conversations"][0]
    whole: dict[str, Any] = api.get(f"/conversations/{entry['id']}").json()
    return whole


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of others are Linux only")
def test_a_full_disk_is_told_wherever_a_file_comes_in(server: Server, api: httpx.Client) -> None:
    hard, long = resource.RLIM_INFINITY, b"a" * 2_000_000  # longer bodies are kept in a file
    page = b"<html><body><p>Bees make honey.</p></body></html>"
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        for path in ("/attachments", "/files", "/conversations/import", "/starts"):
            response = api.post(path, files={"file": ("a.txt", long)})
            assert response.status_code == 507, path
            assert "Free some space" in response.text
        edits = f"{server.presence.url}/v1/images/edits"
        for path, file in (("/attachments", page), ("/files", page), ("/starts", png())):
            response = api.post(path, files={"file": ("a.html", file)})
            assert (response.status_code, "Cannot write" in response.text) == (507, True), path
        response = api.post(edits, data={"prompt": "a bee"}, files={"image": ("a.png", png())})
        assert (response.status_code, "Cannot write" in response.text) == (507, True)
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert attached(api, "a.html", page)["kind"] == "document"


def test_an_attached_document_is_said_before_the_words_and_once(api: httpx.Client) -> None:
    file = attached(api, "notes.md", b"# Bees\n\nThey make honey.")
    assert (file["kind"], file["name"]) == ("document", "notes.md")
    made = turn(api, content="What do bees make?", attachments=[file["id"]])
    assert made["title"] == "What do bees make?"
    said = made["messages"][0]["content"]
    assert said.startswith('<file name="attached/notes.md" size="24 B">\n# Bees')
    assert said.endswith("</file>\n\nWhat do bees make?")
    again = api.post("/turns", json={"content": "x", "attachments": [file["id"]]})
    assert again.status_code == 404
    branch = api.post(f"/conversations/{made['id']}/branch", json={"at": 0}).json()
    assert branch["conversation"]["title"] == "What do bees make?"
    alone = attached(api, "notes.md", b"# Bees\n\nThey make honey.")
    assert turn(api, content="", attachments=[alone["id"]])["title"] == "notes.md"


@pytest.mark.skipif(find_spec("duckdb") is None, reason="no library for tables is installed")
def test_an_attached_table_is_described_and_tools_of_its_conversation_read_the_whole(
    server: Server, api: httpx.Client
) -> None:
    rows = "".join(f"item {number},{number}\n" for number in range(2000))
    file = attached(api, "sales.csv", f"A,B\n{rows}".encode())
    ask = {"content": "Show me the file attached/sales.csv.", "tool_choice": "query_table"}
    made = turn(api, **ask, attachments=[file["id"]])
    said, call, result = made["messages"][0]["content"], *made["messages"][1:3]
    assert said.startswith(
        '<file name="attached/sales.csv" size="2,000 rows, 2 columns, 27.8 KB">\nattached/'
    )
    assert "2000 rows" in said
    assert len(said) < 1500
    assert call["tool_calls"][0]["arguments"]["file"] == "attached/sales.csv"
    assert "2000 rows" in result["content"]

    kept = server.home / "attached" / made["id"]
    assert stat.S_IMODE((kept / "sales.csv").stat().st_mode) == 0o600
    other = turn(api, **ask)
    assert "There is no file" in other["messages"][2]["content"]
    branch = api.post(f"/conversations/{made['id']}/branch", json={"at": 0}).json()
    copy = server.home / "attached" / branch["conversation"]["id"]
    exported = api.post("/conversations/export", json={"ids": [made["id"]]}).content
    assert api.delete(f"/conversations/{made['id']}").status_code == 200
    assert not kept.exists()
    assert (copy / "sales.csv").read_text().endswith(rows)
    imported = api.post("/conversations/import", files={"file": ("a.json", exported)}).json()
    (again,) = imported["added"]
    assert (server.home / "attached" / again["id"] / "sales.csv").read_text().endswith(rows)


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.png", png(4, 4), "cannot see pictures"),
        ("fake.PNG", b"No picture, but words.", "neither a picture nor a recording"),
        ("a.zip", b"PK\x03\x04 and so on", "unpack it first"),
        ("photo", b"\0\0\0\x18ftypheic", "a HEIC picture, which no engine reads; save it as JPEG"),
        ("empty.txt", b"", "it is empty"),
    ],
)
def test_what_nobody_can_read_is_refused_with_words(
    api: httpx.Client, name: str, data: bytes, problem: str
) -> None:
    response = api.post("/attachments", files={"file": (name, data)})
    assert response.status_code in (400, 422)
    assert problem in response.text


def test_options_stay_with_the_conversation_and_go_to_its_branches(api: httpx.Client) -> None:
    options = {"model": OTHER, "thinking": False, "without": ["*"]}
    made = turn(api, content="Hello.", options=options)
    turns = api.get(f"/conversations/{made['id']}/turns").json()
    assert turns["options"] == options
    assert turns["turns"]["0"]["model"] == OTHER
    turn(api, content="And?", conversation_id=made["id"])
    turns = api.get(f"/conversations/{made['id']}/turns").json()["turns"]
    assert [each["model"] for each in turns.values()] == [OTHER, OTHER]
    branch = api.post(f"/conversations/{made['id']}/branch", json={"at": 2}).json()
    kept = api.get(f"/conversations/{branch['conversation']['id']}/turns").json()
    assert kept["options"] == options
    assert list(kept["turns"]) == ["0"]


def test_how_a_turn_went_is_kept(api: httpx.Client) -> None:
    made = turn(api, content="Tell me a story.", tool_choice="none")
    (account,) = api.get(f"/conversations/{made['id']}/turns").json()["turns"].values()
    assert account["outcome"] == "answered"
    assert account["cut_off"]
    assert account["tokens"] == 4
    assert account["total_s"] > 0
