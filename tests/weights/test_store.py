from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from airunner.engines.known import known_engines
from airunner.errors import CorruptWeightsError, DownloadError, MissingWeightsError
from airunner.events import EventBus
from airunner.models.catalog import Catalog
from airunner.models.spec import (
    FileSource,
    HubSource,
    ImageDefaults,
    ModelCapability,
    ModelSpec,
    PackagedSource,
    RequantizedSource,
    Source,
    UrlSource,
)
from airunner.weights.store import ModelStore
from airunner.weights.verification import promised_checksums

BODY = b"GGUF" + os.urandom(2_000_000)
SHA256 = hashlib.sha256(BODY).hexdigest()


def spec(*sources: Source, model_path: str = "publisher/model") -> ModelSpec:
    return ModelSpec(model_path, [ModelCapability.SUMMARIZATION], sources=sources)


def store(home: Path, *specs: ModelSpec, offline: bool = False) -> ModelStore:
    catalog = Catalog({s.model_path: s for s in specs}, {}, known_engines().traits)
    return ModelStore(home, catalog, EventBus(), offline)


def test_what_was_fetched_is_found_and_can_be_removed(server, tmp_path):
    server.files["/m.gguf"] = BODY
    model = spec(UrlSource(f"{server.url}/m.gguf", SHA256))
    weights = store(tmp_path, model)
    assert weights.path(model) is None
    path = weights.fetch(model)
    assert path == tmp_path / "models" / "publisher--model" / "m.gguf"
    assert weights.path(model) == weights.fetch(model) == path
    assert len(server.requests) == 1
    assert weights.remove(model) == len(BODY)
    assert weights.path(model) is None
    assert weights.remove(model) == 0


def test_sources_are_tried_in_order_and_every_failure_is_told(server, tmp_path):
    server.files["/good.gguf"] = BODY
    missing = UrlSource(f"{server.url}/missing.gguf")
    damaged = UrlSource(f"{server.url}/good.gguf", "0" * 64)
    good = UrlSource(f"{server.url}/good.gguf", SHA256)
    model = spec(missing, damaged, good)
    assert store(tmp_path / "a", model).fetch(model).read_bytes() == BODY
    model = spec(missing, damaged)
    with pytest.raises(DownloadError, match=r"2 sources.*HTTP 404.*SHA-256"):
        store(tmp_path / "b", model).fetch(model)


def test_offline_uses_what_is_here_and_asks_no_network(server, tmp_path):
    server.files["/m.gguf"] = BODY
    here = tmp_path / "here.gguf"
    here.write_bytes(BODY)
    online = UrlSource(f"{server.url}/m.gguf")
    model = spec(online)
    with pytest.raises(MissingWeightsError, match="stay offline"):
        store(tmp_path, model, offline=True).fetch(model)
    both = spec(online, FileSource(str(here)))
    assert store(tmp_path, both, offline=True).fetch(both) == here
    base = spec(online, model_path="publisher/base")
    made = spec(RequantizedSource("publisher/base", "Q8_0"))
    with pytest.raises(MissingWeightsError, match="publisher/base"):
        store(tmp_path, base, made, offline=True).fetch(made)
    assert server.requests == []


def test_a_path_to_a_gguf_is_a_model(tmp_path):
    file = tmp_path / "mine.gguf"
    file.write_bytes(BODY)
    model = spec(model_path=str(file))
    weights = store(tmp_path, model)
    assert weights.path(model) == weights.fetch(model) == file
    with pytest.raises(CorruptWeightsError, match=r"mine\.gguf"):
        weights.verify(model)
    assert weights.remove(model) == 0
    assert file.exists()
    file.unlink()
    assert weights.path(model) is None
    with pytest.raises(MissingWeightsError, match="from nowhere") as caught:
        weights.fetch(model)
    assert "models pull" not in str(caught.value), "that was just tried"


def painter(model_path: str, *sources: Source) -> ModelSpec:
    drawing = [ModelCapability.IMAGE_GENERATION]
    image = ImageDefaults()
    return ModelSpec(model_path, drawing, engine="diffusers", image=image, sources=sources)


def pipeline(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    return folder


def test_a_pipelines_folder_of_the_user_is_used_where_it_lies(tmp_path):
    folder = pipeline(tmp_path / "mine")
    by_path, by_source = painter(str(folder)), painter("a/painter", FileSource(str(folder)))
    for model in (by_path, by_source):
        weights = store(tmp_path / "home", model)
        assert weights.path(model) == weights.fetch(model) == folder
        assert weights.remove(model) == 0
        assert weights.verify(model).files == 1
    (folder / "model_index.json").write_text("{ }")
    with pytest.raises(DownloadError, match="SHA-256"):
        weights.verify(by_source)
    hashed = painter("a/hashed", FileSource(str(folder), SHA256))
    with pytest.raises(DownloadError, match="a folder has no single hash"):
        store(tmp_path / "home", hashed).fetch(hashed)
    (folder / "model_index.json").unlink()
    with pytest.raises(DownloadError, match=r"no model_index\.json"):
        store(tmp_path / "home", by_source).fetch(by_source)


def test_a_checksum_is_of_a_file_whose_name_is_known():
    sources = [
        UrlSource("http://host/a.gguf", "1"),
        FileSource("folder/b.gguf", "2"),
        HubSource("publisher/model", "folder/c.gguf", sha256="3"),
        HubSource("publisher/model", "*.gguf", sha256="4"),
    ]
    assert promised_checksums(sources) == {"a.gguf": "1", "b.gguf": "2", "c.gguf": "3"}


def test_a_pipeline_put_into_the_models_folder_is_found(tmp_path):
    model = painter("a/painter")
    weights = store(tmp_path, model)
    assert weights.path(model) is None
    pipeline(weights.folder(model))
    assert weights.path(model) == weights.folder(model)


def test_a_packaged_folder_is_never_removed(tmp_path):
    absent = painter("a/absent", PackagedSource("components/art/nothing"))
    weights = store(tmp_path, absent, offline=True)
    assert weights.path(absent) is None
    with pytest.raises(DownloadError, match="this installation does not carry it"):
        weights.fetch(absent)
    assert weights.remove(absent) == 0


def test_without_sources_a_file_in_the_models_folder_is_enough(tmp_path):
    model = spec(model_path="my-model/path")
    weights = store(tmp_path, model)
    folder = weights.folder(model)
    folder.mkdir(parents=True)
    (folder / "mmproj-any.gguf").write_bytes(BODY)
    (folder / "any-00001-of-00002.gguf").write_bytes(BODY)
    assert weights.path(model) is None
    (folder / "any-00002-of-00002.gguf").write_bytes(BODY)
    assert weights.path(model) == folder / "any-00001-of-00002.gguf"


def test_a_set_with_a_missing_part_is_not_here(tmp_path):
    model = spec(HubSource("publisher/model-GGUF", "q4/*Q4_K_M*.gguf"))
    weights = store(tmp_path, model)
    folder = weights.folder(model)
    folder.mkdir(parents=True)
    for part in (1, 2):
        assert weights.path(model) is None
        (folder / f"model-q4_k_m-0000{part}-of-00002.gguf").write_bytes(BODY)
    assert weights.path(model) == folder / "model-q4_k_m-00001-of-00002.gguf"


def test_a_promised_hash_of_a_local_file_is_checked_and_checked_again(tmp_path):
    file = tmp_path / "mine.gguf"
    file.write_bytes(BODY)
    model = spec(FileSource(str(file), SHA256))
    weights = store(tmp_path, model)
    assert weights.path(model) is None
    assert weights.fetch(model) == weights.path(model) == file
    file.write_bytes(BODY + b"?")
    assert weights.path(model) is None
    with pytest.raises(DownloadError, match="SHA-256"):
        weights.fetch(model)


FETCH = """
import sys
from pathlib import Path
from airunner.weights.store import ModelStore
from airunner.events import EventBus
from airunner.models.catalog import Catalog
from airunner.engines.known import known_engines
from airunner.models.spec import ModelSpec, UrlSource

spec = ModelSpec("publisher/model", [], sources=(UrlSource(sys.argv[2], sys.argv[3]),))
bus = EventBus()
bus.subscribe(lambda event: print(event.step, flush=True))
catalog = Catalog({}, {}, known_engines().traits)
print(ModelStore(Path(sys.argv[1]), catalog, bus).fetch(spec), flush=True)
"""


def start_fetching(home: Path, url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FETCH, str(home), url, SHA256]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_do_not_fetch_twice_and_a_killed_one_blocks_nobody(server, tmp_path):
    server.files["/m.gguf"] = BODY
    server.may_answer.clear()
    url = f"{server.url}/m.gguf"
    killed = start_fetching(tmp_path, url)
    while not server.requests:
        assert killed.poll() is None
    killed.kill()
    killed.communicate()

    first = start_fetching(tmp_path, url)
    while len(server.requests) < 2:
        assert first.poll() is None
    second = start_fetching(tmp_path, url)
    assert second.stdout is not None
    assert "wait" in second.stdout.readline()
    server.may_answer.set()
    expected = str(tmp_path / "models" / "publisher--model" / "m.gguf")
    for process in (first, second):
        output, _ = process.communicate()
        assert output.splitlines()[-1] == expected
        assert process.returncode == 0
    assert len(server.requests) == 2
    assert Path(expected).read_bytes() == BODY
