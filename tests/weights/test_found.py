"""Models of other programs, in folders laid out as those programs do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airunner.config.other_programs import ModelFolders, model_folders
from airunner.engines.known import known_engines
from airunner.events import EventBus
from airunner.models.catalog import Catalog
from airunner.models.spec import HubSource, ModelCapability, ModelSpec
from airunner.weights.found import FoundModels
from airunner.weights.store import ModelStore

COMMIT, OLDER = "a" * 40, "b" * 40
BLOBS = {"model": "sha256:" + "1" * 64, "projector": "sha256:" + "2" * 64}


def write(path: Path, content: bytes | str = b"GGUF") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def ollama(home: Path, name: str = "registry.ollama.ai/library/qwen3/8b", **layers: str) -> None:
    listed = [{"mediaType": "application/vnd.docker.container.image.v1+json", "digest": "x"}]
    listed += [
        {"mediaType": f"application/vnd.ollama.image.{kind}", "digest": digest, "size": 4}
        for kind, digest in (layers or BLOBS).items()
    ]
    write(home / ".ollama/models/manifests" / name, json.dumps({"layers": listed}))
    for digest in (layers or BLOBS).values():
        write(home / ".ollama/models/blobs" / digest.replace(":", "-"))


def hub(home: Path, repo: str, name: str, commit: str = COMMIT) -> Path:
    kept = home / ".cache/huggingface/hub" / f"models--{repo.replace('/', '--')}"
    write(kept / "refs/main", COMMIT)
    blob = write(kept / "blobs" / f"{len(list(kept.rglob('*')))}")
    link = kept / "snapshots" / commit / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(blob)
    return link


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "user"


@pytest.fixture
def found(home: Path) -> FoundModels:
    return FoundModels(lambda: model_folders({"HOME": str(home)}))


def listed(found: FoundModels) -> dict[str, str]:
    return {each.name: each.program for each in found.all()}


def test_a_machine_without_other_programs_has_nothing(found: FoundModels) -> None:
    assert found.all() == []
    assert found.named("qwen3:8b") == []


def test_ollamas_models_go_by_its_names_and_bring_their_projector(
    home: Path, found: FoundModels
) -> None:
    ollama(home)
    ollama(home, "hf.co/unsloth/Qwen3-4B-GGUF/Q4_K_M", model="sha256:" + "3" * 64)
    ollama(home, "registry.ollama.ai/library/llama3.2/latest", model="sha256:" + "4" * 64)
    ollama(home, "registry.ollama.ai/me/mine/1b", model="sha256:" + "5" * 64)
    by_name = {each.name: each for each in found.all()}
    assert set(by_name) == {"qwen3:8b", "unsloth/Qwen3-4B-GGUF:Q4_K_M", "llama3.2", "me/mine:1b"}
    qwen = by_name["qwen3:8b"]
    assert (qwen.program, qwen.path.name, qwen.n_bytes) == ("Ollama", f"sha256-{'1' * 64}", 4)
    assert qwen.projector is not None
    assert by_name["unsloth/Qwen3-4B-GGUF:Q4_K_M"].repo == "unsloth/Qwen3-4B-GGUF"
    assert found.named("Llama3.2:latest") == [by_name["llama3.2"]]


@pytest.mark.parametrize(
    "manifest",
    ["", "[]", "{}", '{"layers": 3}', '{"layers": [{"digest": "a"}]}', b"\xff", "null"],
)
def test_a_manifest_that_is_none_is_passed_over(
    home: Path, found: FoundModels, manifest: str | bytes
) -> None:
    ollama(home)
    write(home / ".ollama/models/manifests/registry.ollama.ai/library/odd/1b", manifest)
    assert set(listed(found)) == {"qwen3:8b"}


def test_a_digest_leads_nowhere_else_and_a_missing_blob_is_no_model(
    home: Path, found: FoundModels
) -> None:
    ollama(home, model="sha256:../../../secret")
    write(home / "secret")
    assert found.all() == []
    ollama(home)
    (home / ".ollama/models/blobs" / BLOBS["model"].replace(":", "-")).unlink()
    assert found.all() == []


def test_files_of_lm_studio_llama_cpp_and_the_hubs_cache(home: Path, found: FoundModels) -> None:
    write(home / ".lmstudio/models/lmstudio-community/Q-GGUF/Q-Q4_K_M.gguf")
    write(home / ".lmstudio/models/lmstudio-community/Q-GGUF/mmproj-Q.gguf")
    write(home / ".lmstudio/models/lmstudio-community/Q-GGUF/config.json")
    elsewhere = home / "disk"
    write(home / ".lmstudio/settings.json", json.dumps({"downloadsFolder": str(elsewhere)}))
    write(elsewhere / "me/mine/big-00001-of-00002.gguf")
    write(home / ".cache/llama.cpp/ggml-org_gemma-3-4b-it-GGUF_gemma-3-4b-it-Q4_K_M.gguf")
    write(home / ".cache/llama.cpp/ggml-org_gemma.gguf.downloadInProgress")
    hub(home, "unsloth/Qwen3-4B-GGUF", "Qwen3-4B-Q4_K_M.gguf")
    hub(home, "unsloth/Qwen3-4B-GGUF", "old-Q4_K_M.gguf", OLDER)
    assert listed(found) == {
        "lmstudio-community/Q-GGUF/Q-Q4_K_M.gguf": "LM Studio",
        "ggml-org_gemma-3-4b-it-GGUF_gemma-3-4b-it-Q4_K_M.gguf": "llama.cpp",
        "unsloth/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf": "Hugging Face cache",
    }
    write(elsewhere / "me/mine/big-00002-of-00002.gguf")
    (big,) = found.named("big-00001-of-00002")
    assert (big.program, big.n_bytes) == ("LM Studio", 8)


def test_lm_studios_home_may_be_elsewhere_and_variables_win(home: Path, tmp_path: Path) -> None:
    write(home / ".lmstudio-home-pointer", f"{tmp_path / 'lms'}\n")
    for folder in ("lms/models", "o", "l", "h", "hf/hub"):
        (tmp_path / folder).mkdir(parents=True)
    told = {"HOME": str(home), "OLLAMA_MODELS": str(tmp_path / "o")}
    told |= {"LLAMA_CACHE": str(tmp_path / "l"), "HF_HOME": str(tmp_path / "hf")}
    folders = model_folders(told)
    assert folders.lm_studio == (tmp_path / "lms/models",)
    assert tmp_path / "o" in folders.ollama
    assert folders.llama_cpp == (tmp_path / "l",)
    assert folders.hub == (tmp_path / "hf/hub", tmp_path / "l")
    assert model_folders({**told, "HF_HUB_CACHE": str(tmp_path / "h")}).hub[0] == tmp_path / "h"


SOURCE = HubSource("unsloth/Qwen3-4B-GGUF", "*Q4_K_M*.gguf")


@pytest.mark.parametrize("program", ["hub", "lm studio", "llama.cpp"])
def test_a_registered_models_file_is_used_where_another_program_has_it(
    home: Path, found: FoundModels, tmp_path: Path, program: str
) -> None:
    if program == "hub":
        file = hub(home, SOURCE.repo, "Qwen3-4B-Q4_K_M.gguf")
        hub(home, SOURCE.repo, "Qwen3-4B-Q8_0.gguf")
    elif program == "lm studio":
        file = write(home / ".lmstudio/models" / SOURCE.repo / "Qwen3-4B-q4_k_m.gguf")
    else:
        file = write(home / ".cache/llama.cpp/unsloth_Qwen3-4B-GGUF_Qwen3-4B-Q4_K_M.gguf")
    spec = ModelSpec("a/model", [ModelCapability.TRANSLATION], sources=(SOURCE,))
    catalog = Catalog({spec.model_path: spec}, {}, known_engines().traits)
    store = ModelStore(tmp_path / "home", catalog, EventBus(), offline=True, found=found)
    assert store.path(spec) == file
    assert store.fetch(spec) == file
    assert store.remove(spec) == 0
    assert file.is_file()
    assert ModelStore(tmp_path / "home", catalog, EventBus()).path(spec) is None


def test_a_file_with_a_promised_hash_or_of_another_revision_is_not_taken_unread(
    home: Path, found: FoundModels
) -> None:
    hub(home, SOURCE.repo, "Qwen3-4B-Q4_K_M.gguf")
    assert found.of_source(SOURCE) is not None
    assert found.of_source(HubSource(SOURCE.repo, SOURCE.pattern, sha256="0" * 64)) is None
    assert found.of_source(HubSource(SOURCE.repo, SOURCE.pattern, "v2")) is None
    assert found.of_source(HubSource(SOURCE.repo, "*.Q2_K.gguf")) is None
    hub(home, SOURCE.repo, "other-Q4_K_M.gguf")
    assert found.of_source(SOURCE) is None, "it must mean one model"


def test_a_model_that_sees_is_used_in_place_with_its_projector_only(
    home: Path, found: FoundModels, tmp_path: Path
) -> None:
    file = hub(home, SOURCE.repo, "Qwen3-4B-Q4_K_M.gguf")
    projector = HubSource(SOURCE.repo, "*mmproj*.gguf")
    spec = ModelSpec(
        "a/model", [ModelCapability.TRANSLATION], sources=(SOURCE,), projector=projector
    )
    catalog = Catalog({spec.model_path: spec}, {}, known_engines().traits)
    store = ModelStore(tmp_path / "home", catalog, EventBus(), found=found)
    assert store.path(spec) is None
    hub(home, SOURCE.repo, "mmproj-F16.gguf")
    assert store.path(spec) == file
    assert store.fetch(spec) == file, "nothing is missing"


def test_a_folder_that_may_not_be_read_ends_nothing(home: Path) -> None:
    gone = FoundModels(lambda: ModelFolders(lm_studio=(home / "no",), hub=(home / "no",)))
    assert gone.all() == []
