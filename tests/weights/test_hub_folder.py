"""An image pipeline from an imitation of the hub."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from airunner.engines.known import known_engines
from airunner.errors import DownloadError
from airunner.events import EventBus
from airunner.models.catalog import Catalog
from airunner.models.engine_traits import WeightsForm
from airunner.models.spec import HubFolderSource, ImageDefaults, ModelCapability, ModelSpec
from airunner.weights.hub import fetch_hub_folder, find_hub_folder
from airunner.weights.store import ModelStore

REPO = "publisher/painter"
FILES = {
    "model_index.json": b'{"_class_name": "StableDiffusionPipeline"}',
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": os.urandom(400_000),
    "vae/config.json": b"{}",
    "vae/diffusion_pytorch_model.safetensors": os.urandom(200_000),
}
OTHERS = {"checkpoint.safetensors": b"all in one", "unet/diffusion_pytorch_model.bin": b"pickle"}
FORM = WeightsForm(index="model_index.json")
SOURCE = HubFolderSource(REPO, ("model_index.json", "*/*.json", "*/*.safetensors"))


def publish(server, files: dict[str, bytes], commit: str = "c" * 40) -> None:
    """Large files with the hash that the hub states for them, small ones without."""
    siblings = [
        {"rfilename": name, "size": len(body)}
        | ({"lfs": {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body),
                    "pointerSize": 134}} if len(body) > 1000 else {})
        for name, body in files.items()
    ]  # fmt: skip
    listing = {"id": REPO, "sha": commit, "siblings": siblings}
    server.files[f"/api/models/{REPO}/revision/main"] = json.dumps(listing).encode()
    for name, body in files.items():
        server.files[f"/{REPO}/resolve/{commit}/{name}"] = body


def contents(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def fetched(server) -> list[str]:
    return [
        path.partition("/resolve/")[2][41:] for path, _ in server.requests if "/resolve/" in path
    ]


def test_what_the_patterns_mean_is_fetched_to_its_place(server, recorder):
    publish(server, {**FILES, **OTHERS})
    folder = fetch_hub_folder(recorder.transfer, SOURCE, FORM, server.url)
    assert contents(folder) == FILES
    assert find_hub_folder(recorder.transfer.folder, FORM) == folder
    assert not list(recorder.transfer.staging.rglob("*"))
    downloads = [e for e in recorder.events if e.step == "download"]
    assert {e.total_bytes for e in downloads} == {sum(map(len, FILES.values()))}
    assert [e.done_bytes for e in downloads] == sorted(e.done_bytes for e in downloads)


def test_nothing_is_found_until_everything_is_there_and_a_fetch_goes_on(server, recorder):
    publish(server, FILES)
    largest = f"/{REPO}/resolve/{'c' * 40}/unet/diffusion_pytorch_model.safetensors"
    body = server.files.pop(largest)
    with pytest.raises(DownloadError, match="HTTP 404"):
        fetch_hub_folder(recorder.transfer, SOURCE, FORM, server.url)
    assert find_hub_folder(recorder.transfer.folder, FORM) is None
    server.files[largest] = body
    server.requests.clear()
    folder = fetch_hub_folder(recorder.transfer, SOURCE, FORM, server.url)
    assert fetched(server) == ["unet/diffusion_pytorch_model.safetensors"]
    assert contents(folder) == FILES


def test_a_file_that_breaks_off_is_continued(server, recorder):
    publish(server, FILES)
    server.cuts = [10_000_000] * 4 + [150_000]
    folder = fetch_hub_folder(recorder.transfer, SOURCE, FORM, server.url, retry_wait_s=0)
    assert contents(folder) == FILES
    assert [span for _, span in server.requests if span] == ["bytes=150000-"]


def test_files_of_two_commits_are_never_mixed(server, recorder):
    publish(server, FILES)
    missing = f"/{REPO}/resolve/{'c' * 40}/unet/diffusion_pytorch_model.safetensors"
    del server.files[missing]
    with pytest.raises(DownloadError):
        fetch_hub_folder(recorder.transfer, SOURCE, FORM, server.url)
    newer = {**FILES, "vae/config.json": b"[]"}  # as long as before
    publish(server, newer, "d" * 40)
    assert contents(fetch_hub_folder(recorder.transfer, SOURCE, FORM, server.url)) == newer


def test_other_bytes_than_promised_are_refused(server, recorder):
    publish(server, FILES)
    name = "vae/diffusion_pytorch_model.safetensors"
    server.files[f"/{REPO}/resolve/{'c' * 40}/{name}"] = bytes(200_000)
    with pytest.raises(DownloadError, match="SHA-256"):
        fetch_hub_folder(recorder.transfer, SOURCE, FORM, server.url)
    assert find_hub_folder(recorder.transfer.folder, FORM) is None
    assert not list(recorder.transfer.folder.rglob("*vae/*.safetensors"))


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (OTHERS, r"match no folder .*; there is checkpoint\.safetensors"),
        ({"model_index.json": b"{}"}, "match no folder"),
        ({**FILES, "../x/config.json": b"{}"}, "leads out of the folder"),
    ],
)
def test_what_is_no_pipeline_is_refused_before_anything_is_fetched(
    server, recorder, files, problem
):
    publish(server, files)
    with pytest.raises(DownloadError, match=problem):
        fetch_hub_folder(recorder.transfer, SOURCE, FORM, server.url)
    assert fetched(server) == []


def test_the_store_finds_fetches_and_removes_a_pipeline(server, tmp_path):
    publish(server, FILES)
    drawing = [ModelCapability.IMAGE_GENERATION]
    spec = ModelSpec(REPO, drawing, engine="diffusers", image=ImageDefaults(), sources=(SOURCE,))
    catalog = Catalog({REPO: spec}, {}, known_engines().traits)
    store = ModelStore(tmp_path, catalog, EventBus(), hub_endpoint=server.url)
    assert store.path(spec) is None
    path = store.fetch(spec)
    assert store.path(spec) == store.fetch(spec) == path
    assert contents(path) == FILES
    assert store.remove(spec) == sum(map(len, FILES.values()))
    assert store.path(spec) is None
