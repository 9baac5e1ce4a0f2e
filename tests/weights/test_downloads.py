"""The queue of downloads, against a real server and a real store."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from tests.conftest import Eventually
from tests.weights.conftest import FileServer

from airunner.engines.known import known_engines
from airunner.errors import (
    CorruptWeightsError,
    DownloadError,
    MissingWeightsError,
    StorageError,
    UnknownModelError,
    UnknownRecordError,
)
from airunner.events import DownloadChanged, DownloadProgressed, EventBus
from airunner.models.catalog import Catalog
from airunner.models.spec import HubSource, ModelCapability, ModelSpec, UrlSource
from airunner.weights.disk_space import DiskClaims
from airunner.weights.downloads import Downloads
from airunner.weights.rate import WINDOW_S, RateMeter, left_s
from airunner.weights.store import ModelStore

BODY = b"GGUF" + os.urandom(300_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
DAMAGED = BODY[:-1] + bytes([BODY[-1] ^ 1])
NAMES = ("a/one", "b/two", "c/three", "d/four")


def store(home: Path, server: FileServer, sha256: str | None = SHA256) -> ModelStore:
    """Four models, whose files the server has."""
    for name in NAMES:
        server.files[f"/{name[2:]}.gguf"] = BODY
    specs = [
        ModelSpec(
            name,
            [ModelCapability.SUMMARIZATION],
            sources=(UrlSource(f"{server.url}/{name[2:]}.gguf", sha256),),
        )
        for name in NAMES
    ]
    catalog = Catalog({s.model_path: s for s in specs}, {}, known_engines().traits)
    return ModelStore(home, catalog, EventBus())


def states(queue: Downloads) -> dict[str, str]:
    return {each.model: each.state for each in queue.all()}


def places(queue: Downloads) -> dict[str, int | None]:
    return {each.model: each.place for each in queue.all()}


def begun(queue: Downloads, model: str) -> bool:
    return queue.find(model).done_bytes > 0


def test_several_run_at_once_and_the_others_wait_in_their_order(
    server: FileServer, tmp_path: Path, eventually: Eventually
) -> None:
    server.hold_after = 1000
    queue = Downloads(store(tmp_path, server), at_once=2)
    for name in NAMES:
        queue.add(name)
    eventually(lambda: begun(queue, "a/one") and begun(queue, "b/two"))
    assert states(queue) == {
        "a/one": "running",
        "b/two": "running",
        "c/three": "queued",
        "d/four": "queued",
    }
    assert places(queue) == {"a/one": None, "b/two": None, "c/three": 1, "d/four": 2}
    assert queue.move("d/four", 1).place == 1
    assert list(places(queue)) == ["a/one", "b/two", "d/four", "c/three"]
    running = queue.find("a/one")
    assert (running.step, running.total_bytes) == ("download", len(BODY))
    assert queue.add("a/one") == running, "it is on its way already"
    queue.pause("b/two")
    eventually(lambda: begun(queue, "d/four"))
    assert states(queue)["c/three"] == "queued"
    queue.resume("b/two")
    server.go_on.set()
    assert queue.wait("c/three").read_bytes() == BODY
    for name in NAMES:
        assert queue.wait(name).is_file()


def test_a_paused_one_keeps_its_bytes_and_lets_the_next_begin(
    server: FileServer, tmp_path: Path, eventually: Eventually
) -> None:
    server.hold_after = 100_000
    weights = store(tmp_path, server)
    queue = Downloads(weights, at_once=1)
    queue.add("a/one")
    queue.add("b/two")
    partial = weights.folder(weights.catalog.spec("a/one")) / ".partial" / "one.gguf.part"
    eventually(lambda: partial.is_file() and partial.stat().st_size == 100_000)
    assert queue.pause("a/one").state == "paused"
    eventually(lambda: begun(queue, "b/two"))
    assert partial.stat().st_size == 100_000
    assert queue.pause("b/two").state == "paused"
    server.hold_after = None
    assert queue.resume("a/one").state in ("queued", "running")
    assert queue.wait("a/one").read_bytes() == BODY
    assert ("/one.gguf", "bytes=100000-") in server.requests
    done = queue.find("a/one")
    assert (done.state, done.done_bytes, done.bytes_per_s) == ("done", len(BODY), None)


def test_a_cancelled_one_leaves_nothing_and_is_forgotten_when_asked_again(
    server: FileServer, tmp_path: Path, eventually: Eventually
) -> None:
    server.hold_after = 100_000
    weights = store(tmp_path, server)
    queue = Downloads(weights, at_once=1)
    paused, running = (
        weights.folder(weights.catalog.spec(name)) / ".partial" for name in ("a/one", "b/two")
    )
    queue.add("a/one")
    eventually(lambda: begun(queue, "a/one"))
    queue.add("b/two")
    queue.add("c/three")
    queue.pause("a/one")
    eventually(lambda: begun(queue, "b/two"))
    assert queue.cancel("c/three").state == "cancelled"
    assert queue.cancel("b/two").state == "cancelled"
    eventually(lambda: not running.exists())
    assert paused.exists()
    assert queue.cancel("a/one").state == "cancelled"
    assert not paused.exists()
    with pytest.raises(UnknownRecordError):
        queue.wait("a/one")
    queue.cancel("a/one")
    assert states(queue) == {"b/two": "cancelled", "c/three": "cancelled"}
    with pytest.raises(UnknownRecordError):
        queue.pause("a/one")
    with pytest.raises(UnknownModelError):
        queue.add("nobody/nothing")


def test_the_queue_outlives_its_process_and_goes_on_where_it_was(
    server: FileServer, tmp_path: Path, eventually: Eventually
) -> None:
    file = tmp_path / "downloads.json"
    server.hold_after = 100_000
    first = Downloads(store(tmp_path, server), at_once=1, file=file)
    for name in NAMES:
        first.add(name)
    first.move("d/four", 1)
    first.pause("c/three")
    partial = tmp_path / "models" / "a--one" / ".partial" / "one.gguf.part"
    eventually(lambda: partial.is_file() and partial.stat().st_size == 100_000)
    kept = json.loads(file.read_text("utf-8"))
    assert [(row["model"], row["state"]) for row in kept] == [
        ("a/one", "running"),
        ("d/four", "queued"),
        ("b/two", "queued"),
        ("c/three", "paused"),
    ]
    first.close()
    assert json.loads(file.read_text("utf-8")) == kept, "what ends with the process goes on"
    server.hold_after = None
    second = Downloads(store(tmp_path, server), at_once=1, file=file)
    second.restore()
    assert second.wait("a/one").read_bytes() == BODY
    assert ("/one.gguf", "bytes=100000-") in server.requests
    second.wait("b/two")
    assert states(second)["c/three"] == "paused"
    asked = [path for path, _ in server.requests]
    assert asked.index("/four.gguf") < asked.index("/two.gguf")
    file.write_text("{ damaged", "utf-8")
    third = Downloads(store(tmp_path, server), file=file)
    third.restore()
    assert third.all() == []


def test_what_goes_wrong_is_told_in_plain_words_and_can_be_tried_again(
    server: FileServer, tmp_path: Path
) -> None:
    weights = store(tmp_path, server)
    del server.files["/one.gguf"]
    server.odd["/two.gguf"] = (403, {}, [])
    server.files["/three.gguf"] = DAMAGED
    queue = Downloads(weights)
    for name in NAMES[:3]:
        queue.add(name)
    for name in NAMES[:3]:
        with pytest.raises(DownloadError):
            queue.wait(name)
    assert "no such file" in queue.find("a/one").problem
    assert "HF_TOKEN" in queue.find("b/two").problem
    damaged = queue.find("c/three")
    assert "not what was published" in damaged.problem
    assert "SHA-256" in damaged.detail
    server.files["/one.gguf"] = BODY
    queue.resume("a/one")
    assert queue.wait("a/one").is_file()
    assert queue.find("a/one").problem == ""
    offline = Downloads(ModelStore(tmp_path, weights.catalog, EventBus(), offline=True))
    offline.add("d/four")
    with pytest.raises(MissingWeightsError):
        offline.wait("d/four")
    assert "stay offline" in offline.find("d/four").problem


def test_without_a_connection_it_waits_and_goes_on_by_itself(
    server: FileServer, tmp_path: Path, eventually: Eventually
) -> None:
    name, listing = "e/five", "/api/models/e/five/revision/main"
    spec = ModelSpec(
        name, [ModelCapability.SUMMARIZATION], sources=(HubSource("e/five", "*.gguf"),)
    )
    catalog = Catalog({name: spec}, {}, known_engines().traits)
    weights = ModelStore(tmp_path, catalog, EventBus(), hub_endpoint=server.url)
    server.odd[listing] = (503, {}, [])
    queue = Downloads(weights, retry_waits_s=(0.02, 3600.0))
    queue.add(name)
    eventually(lambda: "again in 1 h" in queue.find(name).problem)
    assert len(server.requests) == 2, "once by itself"
    waiting = queue.find(name)
    assert (waiting.state, waiting.place) == ("queued", 1)
    assert "cannot be reached" in waiting.problem
    del server.odd[listing]
    files = [{"rfilename": "five.gguf", "size": len(BODY), "lfs": None}]
    server.files[listing] = json.dumps({"id": name, "sha": "c0ffee", "siblings": files}).encode()
    server.files["/e/five/resolve/c0ffee/five.gguf"] = BODY
    queue.resume(name)
    assert queue.wait(name).read_bytes() == BODY
    server.odd[listing] = (503, {}, [])
    weights.remove(spec)
    plain = Downloads(weights)
    plain.add(name)
    with pytest.raises(DownloadError):
        plain.wait(name)
    queue.close()


def test_progress_and_changes_are_events(server: FileServer, tmp_path: Path) -> None:
    weights = store(tmp_path, server)
    heard: list[DownloadChanged] = []
    progress: list[DownloadProgressed] = []
    weights.bus.subscribe(lambda e: heard.append(e) if isinstance(e, DownloadChanged) else None)
    weights.bus.subscribe(
        lambda e: progress.append(e) if isinstance(e, DownloadProgressed) else None
    )
    queue = Downloads(weights, at_once=1)
    queue.add("a/one")
    queue.wait("a/one")
    queue.close()
    queue.cancel("a/one")
    assert [e.state for e in heard if e.model == "a/one"] == ["running", "done", "forgotten"]
    assert {e.step for e in progress} == {"download", "verify"}


def test_weights_are_verified_without_a_network(server: FileServer, tmp_path: Path) -> None:
    weights = store(tmp_path, server, sha256=None)
    queue = Downloads(weights)
    with pytest.raises(MissingWeightsError):
        queue.verify("a/one")
    queue.add("a/one")
    path = queue.wait("a/one")
    path.write_bytes(b"GGUF" + b"\0" * 20)
    queue.verify("a/one")
    with pytest.raises(CorruptWeightsError):
        queue.wait("a/one")
    assert "damaged" in queue.find("a/one").problem


def test_a_changed_byte_is_found_by_the_checksum_of_the_fetch(
    server: FileServer, tmp_path: Path
) -> None:
    weights = store(tmp_path, server)
    spec = weights.catalog.spec("a/one")
    path = weights.fetch(spec)
    notes = json.loads((weights.folder(spec) / ".checksums.json").read_text("utf-8"))
    assert notes == {"one.gguf": SHA256}
    queue = Downloads(weights)
    queue.verify("a/one")
    assert queue.wait("a/one") == path
    assert queue.find("a/one").words == "The file is as published."
    path.write_bytes(DAMAGED)
    queue.verify("a/one")
    with pytest.raises(DownloadError, match="SHA-256"):
        queue.wait("a/one")
    shown = queue.find("a/one")
    assert (shown.task, shown.state) == ("verify", "failed")


def test_downloads_do_not_count_on_the_same_free_bytes(tmp_path: Path) -> None:
    claims = DiskClaims()
    free = shutil.disk_usage(tmp_path).free
    claims.claim("a", tmp_path, free * 2 // 3)
    with pytest.raises(StorageError, match="other downloads need"):
        claims.claim("b", tmp_path, free * 2 // 3)
    claims.shrink("a", 1000)
    claims.claim("b", tmp_path, free // 2)
    claims.release("b")
    claims.release("a")
    claims.claim("c", tmp_path, free // 2)


def test_a_rate_follows_the_last_seconds() -> None:
    now = [0.0]
    meter = RateMeter(lambda: now[0])
    assert meter.take("download", 5_000) is None, "what was there before does not count"
    now[0] = 1.0
    assert meter.take("download", 6_000) == 1_000
    for second in range(2, 30):
        now[0] = float(second)
        rate = meter.take("download", 6_000 + (second - 1) * 100)
    assert rate == pytest.approx(100)
    assert WINDOW_S < 28
    assert meter.take("verify", 0) is None
    assert left_s(50, 100, 10.0) == 5.0
    assert left_s(50, None, 10.0) is None
    assert left_s(50, 100, None) is None
