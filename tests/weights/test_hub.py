from __future__ import annotations

import gzip
import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from tests.hub_pages import COMMIT
from tests.hub_pages import publish as publish_repository

from airunner.engines.known import known_engines
from airunner.errors import DownloadError
from airunner.events import EventBus
from airunner.models.catalog import Catalog
from airunner.models.spec import HubSource, ModelCapability, ModelSpec
from airunner.weights.hub import fetch_hub
from airunner.weights.hub_listing import look_up
from airunner.weights.store import ModelStore

REPO = "publisher/model-GGUF"


def publish(server, files: dict[str, bytes]) -> None:
    publish_repository(server, REPO, files)


PARTS = {
    "model-q4_k_m-00001-of-00002.gguf": b"GGUF" + os.urandom(400_000),
    "model-q4_k_m-00002-of-00002.gguf": b"GGUF" + os.urandom(300_000),
}
OTHERS = {"model-q8_0.gguf": b"GGUF8", "mmproj-model-q4_k_m.gguf": b"GGUFv"}


def test_all_parts_of_a_split_file_come_from_one_commit(server, recorder):
    publish(server, {**OTHERS, **PARTS})
    server.cuts = [10_000_000, 100_000]
    first = fetch_hub(
        recorder.transfer, HubSource(REPO, "*Q4_K_M*.gguf"), server.url, retry_wait_s=0
    )
    assert first.name == "model-q4_k_m-00001-of-00002.gguf"
    assert {p.name: p.read_bytes() for p in first.parent.glob("*.gguf")} == PARTS
    whole_bytes = sum(map(len, PARTS.values()))
    steps = [e for e in recorder.events if e.step == "download"]
    assert {e.total_bytes for e in steps} == {whole_bytes}
    assert [e.done_bytes for e in steps] == sorted(e.done_bytes for e in steps)
    assert steps[-1].done_bytes == whole_bytes


def test_bytes_that_the_listing_does_not_promise_are_refused(server, recorder):
    publish(server, OTHERS)
    server.files[f"/{REPO}/resolve/{COMMIT}/model-q8_0.gguf"] = b"GGUF9"
    with pytest.raises(DownloadError, match="SHA-256"):
        fetch_hub(recorder.transfer, HubSource(REPO, "*q8_0*"), server.url)
    assert not list(recorder.transfer.folder.rglob("*.gguf*"))


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [("*Q2_K*.gguf", r"matches no file; there is .*model-q8_0\.gguf"), ("*.gguf", "matches 2")],
)
def test_a_pattern_must_mean_one_model(server, recorder, pattern, problem):
    publish(server, {**OTHERS, **PARTS})
    with pytest.raises(DownloadError, match=problem):
        fetch_hub(recorder.transfer, HubSource(REPO, pattern), server.url)


def test_an_unknown_repository_is_a_download_error(server, recorder):
    with pytest.raises(DownloadError, match=r"no such repository at .*/publisher/model-GGUF, or"):
        fetch_hub(recorder.transfer, HubSource(REPO, "*"), server.url)


def test_the_users_mirror_is_asked(server, tmp_path):
    publish(server, OTHERS)
    program = (
        "import sys; from pathlib import Path; from airunner.weights.hub import fetch_hub;"
        "from airunner.weights.transfer import Transfer; from airunner.events import EventBus;"
        "from airunner.models.spec import HubSource;"
        "transfer = Transfer('publisher/model', Path(sys.argv[1]), EventBus());"
        f"print(fetch_hub(transfer, HubSource({REPO!r}, '*q8_0*')).read_bytes())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={**os.environ, "HF_ENDPOINT": server.url},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "b'GGUF8'"


def test_parts_of_an_older_commit_are_not_mixed_in(server, recorder):
    publish(server, PARTS)
    first, second = (recorder.transfer.folder / name for name in PARTS)
    first.write_bytes(PARTS[first.name])
    second.write_bytes(bytes(len(PARTS[second.name])))
    fetch_hub(recorder.transfer, HubSource(REPO, "*q4_k_m*"), server.url)
    assert second.read_bytes() == PARTS[second.name]
    fetched = [path.rpartition("/")[2] for path, _span in server.requests if "/resolve/" in path]
    assert fetched == [second.name]


def test_a_models_projector_comes_with_its_weights_and_later_too(server, tmp_path):
    publish(server, OTHERS)
    weights, projector = HubSource(REPO, "*q8_0*.gguf"), HubSource(REPO, "*mmproj*.gguf")
    sees = ModelSpec(
        "publisher/model", [ModelCapability.SUMMARIZATION], sources=(weights,), projector=projector
    )
    blind = replace(sees, projector=None)
    catalog = Catalog({sees.model_path: sees}, {}, known_engines().traits)

    def store(offline: bool = False) -> ModelStore:
        return ModelStore(tmp_path, catalog, EventBus(), offline, hub_endpoint=server.url)

    path = store().fetch(blind)
    assert [p.name for p in path.parent.glob("*.gguf")] == [path.name]
    assert store(offline=True).fetch(sees) == path, "it can talk without"
    assert store().fetch(sees) == path == store().path(sees)
    beside = path.with_name("mmproj-model-q4_k_m.gguf")
    assert beside.read_bytes() == OTHERS[beside.name]
    asked = len(server.requests)
    assert store().fetch(sees) == path
    assert len(server.requests) == asked


def test_a_body_without_an_end_is_cut_off_where_the_listing_ends_it(server, recorder):
    publish(server, OTHERS)
    path = f"/{REPO}/resolve/{COMMIT}/model-q8_0.gguf"
    server.odd[path] = (200, {}, itertools.repeat(b"GGUF8" * 1000))
    with pytest.raises(DownloadError, match="more than 5 bytes"):
        fetch_hub(recorder.transfer, HubSource(REPO, "*q8_0*"), server.url)
    assert [p for p in recorder.transfer.folder.rglob("*") if p.is_file()] == []


def test_another_length_than_the_listing_promises_is_refused_unread(server, recorder):
    publish(server, OTHERS)
    server.files[f"/{REPO}/resolve/{COMMIT}/model-q8_0.gguf"] = b"GGUF8" * 2
    with pytest.raises(DownloadError, match="it has 10 bytes, promised were 5"):
        fetch_hub(recorder.transfer, HubSource(REPO, "*q8_0*"), server.url)


@pytest.mark.parametrize("name", ["../q8.gguf", "/q8.gguf", "a\0/q8.gguf"])
def test_a_name_that_leads_elsewhere_is_refused(server, recorder, name):
    publish(server, {name: b"GGUF8"})
    with pytest.raises(DownloadError, match="leads out of the folder"):
        fetch_hub(recorder.transfer, HubSource(REPO, "*q8*"), server.url)


@pytest.mark.parametrize("size", ["many", [], -1])
def test_a_listing_with_an_absurd_size_is_refused(server, recorder, size):
    publish(server, OTHERS)
    address = f"/api/models/{REPO}/revision/main"
    listing = json.loads(server.files[address])
    listing["siblings"][1]["size"] = size
    server.files[address] = json.dumps(listing).encode()
    with pytest.raises(DownloadError):
        fetch_hub(recorder.transfer, HubSource(REPO, "*q8_0*"), server.url)


def test_a_gated_file_says_what_to_do(server, recorder):
    publish(server, OTHERS)
    server.odd[f"/{REPO}/resolve/{COMMIT}/model-q8_0.gguf"] = (403, {}, [])
    with pytest.raises(DownloadError, match=r"HTTP 403.*HF_TOKEN"):
        fetch_hub(recorder.transfer, HubSource(REPO, "*q8_0*"), server.url)


def test_a_listing_that_is_packed_again_and_again_is_not_unpacked(server, recorder):
    publish(server, OTHERS)
    bomb = gzip.compress(gzip.compress(gzip.compress(bytes(50_000_000))))
    headers = {"Content-Encoding": "gzip, gzip, gzip", "Content-Length": str(len(bomb))}
    for path in [path for path in server.files if path.startswith("/api/models/")]:
        server.odd[path] = (200, headers, [bomb])
    with pytest.raises(DownloadError, match="not asked for"):
        fetch_hub(recorder.transfer, HubSource(REPO, "*q8_0*"), server.url)
    with pytest.raises(DownloadError, match="not asked for") as refused:
        look_up(REPO, endpoint=server.url)
    assert "no connection" not in str(refused.value)


@pytest.mark.parametrize("listing", [b"[1, ", b" " * 65536], ids=["values", "blanks"])
def test_a_listing_without_an_end_is_left(server, recorder, listing):
    publish(server, OTHERS)
    for path in [path for path in server.files if path.startswith("/api/models/")]:
        server.odd[path] = (200, {}, itertools.repeat(listing * 1000))
    with pytest.raises(DownloadError, match="too long"):
        fetch_hub(recorder.transfer, HubSource(REPO, "*q8_0*"), server.url)
    with pytest.raises(DownloadError, match="too long"):
        look_up(REPO, endpoint=server.url)


def test_a_listing_of_nothing_but_values_is_left(server, recorder):
    publish(server, OTHERS)
    for path in [path for path in server.files if path.startswith("/api/models/")]:
        server.files[path] = b'{"siblings": [' + b"{}," * 2_000_000 + b"{}]}"
    with pytest.raises(DownloadError, match="too long"):
        look_up(REPO, endpoint=server.url)
