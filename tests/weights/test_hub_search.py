"""Searching a hub, against a real server that answers as one, and as none."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from tests.weights.conftest import FileServer

from airunner.errors import DownloadError, HubError
from airunner.models.fitting import Need, Room, file_needs_bytes, judge, not_known
from airunner.weights.hub_listing import look_up
from airunner.weights.hub_search import HubFile, HubSearch

GB = 10**9
SHA = "ab" * 32


def row(repo: str, **fields: Any) -> dict[str, Any]:
    return {"id": repo, "sha": "c0ffee", "downloads": 5, "likes": 1, "gated": False, **fields}


def publish(server: FileServer, rows: list[Any], files: dict[str, list[dict[str, Any]]]) -> None:
    server.files["/api/models"] = json.dumps(rows).encode()
    for repo, siblings in files.items():
        address = f"/api/models/{repo}/revision/main"
        server.files[address] = json.dumps({"id": repo, "siblings": siblings}).encode()


def file(name: str, size: int | None) -> dict[str, Any]:
    return {"rfilename": name, "size": size, "lfs": {"sha256": SHA, "size": size}}


def test_a_search_tells_size_licence_and_gate_of_every_model(server: FileServer) -> None:
    rows = [
        row(
            "org/big-GGUF",
            cardData={"license": "apache-2.0"},
            gated="manual",
            downloads=900,
            pipeline_tag="text-generation",
            lastModified="2026-01-02T03:04:05.000Z",
        ),
        row("org/plain", tags=["gguf", "license:mit"]),
        row("org/gone"),
    ]
    parts = [file(f"big-q8-0000{n}-of-00002.gguf", n * 1000) for n in (1, 2)]
    publish(
        server,
        rows,
        {
            "org/big-GGUF": [
                *parts,
                file("sub/big-q4_k_m.gguf", 700),
                file("mmproj-big.gguf", 50),
                file("half-00001-of-00002.gguf", 10),
                {"rfilename": "README.md"},
            ],
            "org/plain": [{"rfilename": "x.gguf"}],
        },
    )
    search = HubSearch(endpoint=server.url)
    big, plain, gone = search.search("  big ", 3)
    assert (big.repo, big.license, big.gated, big.downloads) == (
        "org/big-GGUF",
        "apache-2.0",
        True,
        900,
    )
    assert (big.task, big.changed[:10], big.has_projector) == (
        "text-generation",
        "2026-01-02",
        True,
    )
    assert big.files == (
        HubFile("sub/big-q4_k_m.gguf", 1, 700, SHA),
        HubFile("big-q8-00001-of-00002.gguf", 2, 3000, SHA),
    )
    assert (plain.license, plain.gated) == ("mit", False)
    assert plain.files == (HubFile("x.gguf", 1, None, None),)
    assert gone.files == ()
    assert "no such repository" in gone.problem
    asked = len(server.requests)
    search.search("big", 3)
    again = [path for path, _ in server.requests[asked:]]
    assert again == ["/api/models", "/api/models/org/gone/revision/main"], "the others are known"


def test_what_no_hub_would_say_is_passed_over_or_refused(server: FileServer) -> None:
    search = HubSearch(endpoint=server.url)
    odd: list[Any] = [None, 7, {}, row("../../etc"), row("a/b/c"), row("x?y/z"), row("org/\u00e9")]
    publish(server, [*odd, row("org/ok", cardData=[1], tags="x", downloads="many")], {})
    server.files["/api/models/org/ok/revision/main"] = b'{"siblings": [1, {"rfilename": 3}]}'
    (ok,) = search.search("x")
    assert (ok.repo, ok.downloads, ok.files, ok.license) == ("org/ok", 0, (), "")
    for body in (b"<html>", b"{}", b"\xff\xfe"):
        server.files["/api/models"] = body
        with pytest.raises(HubError, match=r"read|list"):
            search.search("x")
    server.odd["/api/models"] = (200, {}, iter(lambda: b"[" * 65536, b""))
    with pytest.raises(HubError, match="too long"):
        search.search("x")
    server.odd["/api/models"] = (401, {}, [])
    with pytest.raises(HubError, match="HF_TOKEN") as denied:
        search.search("x")
    assert denied.value.cause == "denied"


def test_offline_and_unreachable_are_told_apart_from_nothing_found(server: FileServer) -> None:
    with pytest.raises(HubError, match="stay offline"):
        HubSearch(offline=True, endpoint=server.url).search("x")
    assert server.requests == []
    with pytest.raises(HubError, match="check the connection") as lost:
        HubSearch(endpoint="http://127.0.0.1:9").search("x")
    assert lost.value.cause == "unreachable"
    publish(server, [], {})
    assert HubSearch(endpoint=server.url).search("x") == []


ROOMS = [Room("cuda:0", 8 * GB, True), Room("cpu", 32 * GB, False)]


@pytest.mark.parametrize(
    ("needs", "verdict", "device", "words"),
    [
        ({"cuda:0": Need(6 * GB), "cpu": Need(5 * GB)}, "fits", "cuda:0", "Fits: 6.00 GB of 8.00"),
        (
            {"cuda:0": Need(8 * GB, "with 2,048 of 8,192 tokens"), "cpu": Need(7 * GB)},
            "in_part",
            "cuda:0",
            "with 2,048 of 8,192 tokens",
        ),
        ({"cuda:0": Need(20 * GB), "cpu": Need(19 * GB)}, "in_part", "cpu", "on cpu, where it is"),
        ({"cuda:0": Need(90 * GB), "cpu": Need(80 * GB)}, "no", "cpu", "cpu offers 32.0 GB"),
        ({}, "no", "", "no device"),
    ],
)
def test_what_fits_is_said_with_its_bytes(
    needs: dict[str, Need], verdict: str, device: str, words: str
) -> None:
    found = judge(needs, ROOMS, exact=True)
    assert (found.verdict, found.device) == (verdict, device)
    assert words in found.words
    assert found.needed_bytes == (needs[device].n_bytes if device else None)


def test_a_guess_says_that_it_is_one() -> None:
    assert file_needs_bytes(5 * GB) == pytest.approx(6.5 * GB)
    need = Need(file_needs_bytes(5 * GB))
    found = judge({"cuda:0": need}, ROOMS, exact=False)
    assert "about 6.50 GB" in found.words
    assert not_known("why").verdict == "unknown"


def test_an_answer_that_is_packed_again_and_again_is_not_unpacked(server: FileServer) -> None:
    bomb = gzip.compress(gzip.compress(gzip.compress(bytes(50_000_000))))
    headers = {"Content-Encoding": "gzip, gzip, gzip", "Content-Length": str(len(bomb))}
    server.odd["/api/models"] = (200, headers, [bomb])
    with pytest.raises(HubError, match="not asked for"):
        HubSearch(endpoint=server.url).search("anything")


def test_nothing_is_asked_where_the_user_said_offline(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
        HubSearch(endpoint=server.url).search("anything")
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE is set"):
        look_up("a/model", endpoint=server.url)
