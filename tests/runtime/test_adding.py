"""What is proposed for a file, a folder, another program's model or a repository of the hub."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.hub_pages import publish
from tests.weights.conftest import FileServer

from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    EMBEDDED_PRIMARY,
    MODEL_REGISTRY,
)
from airunner.config.other_programs import model_folders
from airunner.engines.known import known_engines
from airunner.errors import (
    CorruptWeightsError,
    DownloadError,
    LoadError,
    ModelNotAddedError,
)
from airunner.models.catalog import Catalog
from airunner.models.description import TALKING, described
from airunner.models.likeness import known_sampling
from airunner.models.model_table import spec_of_table
from airunner.models.spec import HubSource, ModelCapability, ModelSpec, PackagedSource, Sampling
from airunner.runtime.adding import Adding, Proposal
from airunner.weights.found import FoundModels
from airunner.weights.local import packaged_path

REPO = "publisher/model-GGUF"
QUANTIZATIONS = {f"model-{name}.gguf": b"GGUF" * 9 for name in ("Q4_K_M", "Q8_0", "Q4_0")}
_HEADER = b'{"model.diffusion_model.a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}'
ONE_PART = len(_HEADER).to_bytes(8, "little") + _HEADER + bytes(2)
TEMPLATE = "{% if tools %}{{ enable_thinking }}{% endif %}"


@pytest.fixture
def adding(tmp_path: Path, server: FileServer) -> Adding:
    catalog = Catalog(MODEL_REGISTRY, CAPABILITY_TO_MODEL, known_engines().traits)
    found = FoundModels(lambda: model_folders({"HOME": str(tmp_path / "user")}))
    return Adding(catalog, found, hub_endpoint=server.url)


def spec_of(proposal: Proposal) -> ModelSpec:
    """The proposed table, read as the configuration file's would be."""
    table = json.loads(json.dumps(proposal.table))
    spec = spec_of_table(proposal.name, table, Path("/"), known_engines().traits)
    assert isinstance(spec, ModelSpec)
    return spec


def test_a_file_is_described_by_its_metadata(adding: Adding, smollm2: Path) -> None:
    (proposal,) = adding.propose(str(smollm2))
    spec = spec_of(proposal)
    assert proposal.name == "SmolLM2-135M-Instruct.Q4_1"
    assert proposal.is_here
    assert proposal.n_bytes == smollm2.stat().st_size
    assert spec.capabilities == list(TALKING)
    assert (spec.max_context, spec.quantization, spec.parameters_b) == (8192, "Q4_1", 0.135)
    assert (spec.supports_function_calling, spec.license) == (False, "apache-2.0")
    (named,) = adding.propose(str(smollm2), "mine", [ModelCapability.TRANSLATION])
    assert (named.name, spec_of(named).capabilities) == ("mine", ["translation"])
    # Its own metadata tells that it is a copy of a registered model.
    assert spec.sampling == MODEL_REGISTRY[EMBEDDED_PRIMARY].sampling
    assert spec.sampling.repeat_penalty


@pytest.mark.parametrize(
    ("names", "parameters_b", "like"),
    [
        (["Qwen3 8B"], 8.19, "Qwen/Qwen3-8B"),
        (["Qwen2.5-7B-Instruct-Q4_K_M.gguf"], 7.62, "Qwen/Qwen2.5-7B-Instruct"),
        (["My Assistant", "Qwen3-8B"], 8.19, "Qwen/Qwen3-8B"),
        (["Qwen2.5 7B"], 7.62, "Qwen/Qwen2.5-7B-Instruct"),
        (["Qwen3-8B"], 0.6, None),
        (["Qwen3"], 8.19, None),
        (["-", ""], None, None),
    ],
)
def test_a_copy_of_a_registered_model_is_sampled_like_it(
    names: list[str], parameters_b: float, like: str | None
) -> None:
    found = known_sampling(names, parameters_b, MODEL_REGISTRY.values())
    assert Sampling(**found) == (MODEL_REGISTRY[like].sampling if like else Sampling())


def test_where_two_registered_models_differ_neither_is_guessed() -> None:
    one = MODEL_REGISTRY["Qwen/Qwen3-8B"]
    alike = replace(one, model_path="other/Qwen3-8B")
    assert known_sampling(["Qwen3 8B"], 8.19, [one, alike])
    other = replace(alike, sampling=Sampling(temperature=0.1))
    assert known_sampling(["Qwen3 8B"], 8.19, [one, other]) == {}


def test_a_folder_gives_each_model_in_it_and_a_pipeline_is_one(
    adding: Adding, smollm2: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("a.gguf", "b-Q8_0.gguf", "mmproj-a.gguf"):
        shutil.copy(smollm2, folder / name)
    assert [p.name for p in adding.propose(str(folder))] == ["a", "b-Q8_0"]
    (folder / "c.gguf").write_bytes(b"nothing" * 9)
    found = {p.name: p.problem for p in adding.propose(str(folder))}
    assert found.keys() == {"a", "b-Q8_0", "c.gguf"}
    assert "does not begin" in found.pop("c.gguf")
    assert not any(found.values())
    (folder / "c.gguf").unlink()
    (folder / "c.gguf").symlink_to("c.gguf")
    found = {p.name: p.problem for p in adding.propose(str(folder))}
    assert "cannot be read" in found.pop("c.gguf")
    assert not any(found.values())
    with pytest.raises(ModelNotAddedError, match="several models"):
        adding.propose(str(folder), "mine")
    pipeline = packaged_path(PackagedSource("components/art/shapes"))
    (proposal,) = adding.propose(str(pipeline))
    spec = spec_of(proposal)
    assert spec.capabilities == [ModelCapability.IMAGE_GENERATION]
    assert adding.catalog.problems_of(spec) == []
    assert adding.catalog.engine(spec).draws


@pytest.mark.parametrize("license", ["\x1b[31mmit", "a\nb", "all of its text " * 5_000])
def test_what_is_no_name_of_a_licence_is_not_written(license: str) -> None:
    rest: dict[str, Any] = {"context_length": None, "chat_template": "", "parameters": None}
    assert "license" not in described("a.gguf", embeds=False, license=license, **rest)
    assert described("a.gguf", embeds=False, license="mit", **rest)["license"] == "mit"


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("a.gguf", b"nothing" * 4, CorruptWeightsError, "does not begin.*Nothing was added"),
        ("a.gguf", b"", CorruptWeightsError, "usable model"),
        ("a.safetensors", b"r4nd0m!!" * 600, CorruptWeightsError, "Nothing was added"),
        ("a.safetensors", ONE_PART, LoadError, "holds weights only.*model_index.json"),
        ("folder/model_index.json", b"{}", CorruptWeightsError, "no part with weights"),
        ("folder/readme", b"", ModelNotAddedError, "neither GGUF files nor"),
        ("a-00002-of-00002.gguf", b"GGUF", ModelNotAddedError, "name the first part"),
    ],
)
def test_what_is_no_model_is_refused(
    adding: Adding, tmp_path: Path, name: str, content: bytes, error: type[Exception], words: str
) -> None:
    file = tmp_path / "x" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    given = file.parent if name.startswith("folder") else file
    with pytest.raises(error, match=words):
        adding.propose(str(given))


@pytest.mark.parametrize(
    "given", ["", " ", "no.gguf", "folder/no.gguf", "/no/such.gguf", "qwen3:8b", "a/b/c", "a\0b"]
)
def test_what_means_nothing_says_what_would(adding: Adding, given: str) -> None:
    with pytest.raises(ModelNotAddedError, match="no file or folder here"):
        adding.propose(given)


def test_a_name_that_is_taken_is_refused(adding: Adding, smollm2: Path) -> None:
    with pytest.raises(ModelNotAddedError, match=r"registered.*--name"):
        adding.propose(str(smollm2), "Qwen/Qwen3-8B")


def test_a_file_that_is_added_already_is_told_of_by_its_name(adding: Adding, smollm2: Path) -> None:
    (proposal,) = adding.propose(str(smollm2), "mine")
    known = replace(adding.catalog, registry={"mine": spec_of(proposal)})
    again = replace(adding, catalog=known)
    for name in (None, "mine"):
        with pytest.raises(ModelNotAddedError, match="this file is added already, as mine"):
            again.propose(str(smollm2), name)
    assert again.propose(str(smollm2), "also mine")


def test_ollamas_model_goes_by_its_name_there(
    adding: Adding, smollm2: Path, tmp_path: Path
) -> None:
    root = tmp_path / "user/.ollama/models"
    manifest = root / "manifests/registry.ollama.ai/library/smollm2/135m"
    manifest.parent.mkdir(parents=True)
    digest = "sha256:" + "a" * 64
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": digest}
    manifest.write_text(json.dumps({"layers": [layer]}))
    blob = root / "blobs" / digest.replace(":", "-")
    blob.parent.mkdir()
    blob.symlink_to(smollm2)
    (proposal,) = adding.propose("SmolLM2:135m")
    assert proposal.name == "smollm2:135m"
    assert "Ollama" in proposal.origin
    spec = spec_of(proposal)
    assert spec.sources[0].path == str(blob)  # type: ignore[union-attr]
    assert spec.max_context == 8192
    assert [p.name for p in adding.proposals_of_found()] == ["smollm2:135m"]


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        (REPO, "model-Q4_K_M.gguf"),
        (f"{REPO}:Q8_0", "model-Q8_0.gguf"),
        (f"{REPO}:q4_0", "model-Q4_0.gguf"),
        (f"{REPO}:model-Q4_0.gguf", "model-Q4_0.gguf"),
        (f"{REPO}:*Q8*", "model-Q8_0.gguf"),
    ],
)
def test_a_repository_is_registered_with_one_of_its_files(
    adding: Adding, server: FileServer, given: str, chosen: str
) -> None:
    publish(
        server,
        REPO,
        QUANTIZATIONS | {"mmproj-F16.gguf": b"GGUFv", "mmproj-BF16.gguf": b"GGUFv"},
        gguf={"total": 4_020_000_000, "context_length": 40960, "chat_template": TEMPLATE},
        cardData={"license": "apache-2.0"},
        gated="manual",
    )
    (proposal,) = adding.propose(given)
    spec = spec_of(proposal)
    assert (proposal.name, proposal.n_bytes, proposal.is_here) == (REPO, 36, False)
    assert spec.sources == (HubSource(REPO, chosen),)
    assert spec.projector == HubSource(REPO, "mmproj-F16.gguf")
    assert (spec.max_context, spec.parameters_b, spec.license) == (40960, 4.02, "apache-2.0")
    assert spec.supports_function_calling
    assert spec.supports_thinking
    assert spec.gated
    assert spec.gpu_memory_gb is not None


def test_parts_of_a_split_model_are_all_meant(adding: Adding, server: FileServer) -> None:
    names = [f"big-Q4_K_M-0000{i}-of-00002.gguf" for i in (1, 2)]
    publish(server, REPO, dict.fromkeys(names, b"GGUF"), pipeline_tag="feature-extraction")
    (proposal,) = adding.propose(REPO)
    assert proposal.table["pattern"] == "big-Q4_K_M-?????-of-00002.gguf"
    assert (proposal.n_bytes, proposal.table["capabilities"]) == (8, ["embedding"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (f"{REPO}:Q2_K", r"nothing in it is Q2_K: there is model-Q4_0\.gguf, "),
        (f"{REPO}:Q4", "which one is meant: there is model-Q4_0.gguf, model-Q4_K_M"),
        ("nobody/nothing", "no such repository"),
        ("publisher/docs", "no GGUF file"),
    ],
)
def test_a_repository_without_the_model_says_what_it_has(
    adding: Adding, server: FileServer, given: str, words: str
) -> None:
    publish(server, REPO, QUANTIZATIONS)
    publish(server, "publisher/docs", {})
    with pytest.raises(DownloadError, match=words):
        adding.propose(given)


def test_a_repository_with_a_pipeline_is_one_image_model(
    adding: Adding, server: FileServer
) -> None:
    files: dict[str, Any] = {"model_index.json": b"{}", "unet/config.json": b"{}", "a.png": b"png"}
    files["unet/diffusion_pytorch_model.safetensors"] = bytes(2_000_000)
    publish(server, "publisher/draws", files, cardData={"license": "mit"})
    (proposal,) = adding.propose("publisher/draws")
    assert proposal.n_bytes == 2_000_004
    spec = spec_of(proposal)
    assert spec.capabilities == [ModelCapability.IMAGE_GENERATION]
    assert (spec.license, adding.catalog.problems_of(spec)) == ("mit", [])


def test_without_a_network_that_is_what_is_said(adding: Adding) -> None:
    away = Adding(adding.catalog, adding.found, hub_endpoint="http://127.0.0.1:9")
    with pytest.raises(DownloadError, match=r"no connection to the hub \((?!\[Errno)") as caught:
        away.propose("publisher/model")
    assert caught.value.cause == "unreachable"
    offline = Adding(adding.catalog, adding.found, offline=True)
    with pytest.raises(ModelNotAddedError, match="--offline"):
        offline.propose("publisher/model")


def test_an_answer_that_is_no_listing_is_told_as_such(adding: Adding, server: FileServer) -> None:
    publish(server, REPO, QUANTIZATIONS)
    path = f"/api/models/{REPO}/revision/main"
    listing = json.loads(server.files[path])
    listing["siblings"][1]["size"] = "many"
    server.files[path] = json.dumps(listing).encode()
    with pytest.raises(DownloadError, match="no hub"):
        adding.propose(REPO)
