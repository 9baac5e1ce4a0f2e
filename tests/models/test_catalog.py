from __future__ import annotations

import pytest

from airunner.engines.known import known_engines
from airunner.errors import (
    InvalidCatalogError,
    MissingWeightsError,
    UnknownModelError,
    UnmappedCapabilityError,
)
from airunner.models.catalog import Catalog, is_local_file
from airunner.models.spec import (
    FileSource,
    HubFolderSource,
    HubSource,
    ImageDefaults,
    ModelCapability,
    ModelSpec,
    PackagedSource,
    RequantizedSource,
    Sampling,
    Source,
)

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
SUMMARIZATION = ModelCapability.SUMMARIZATION


def spec(name: str, *capabilities: ModelCapability, **fields: object) -> ModelSpec:
    return ModelSpec(name, list(capabilities or [SUMMARIZATION]), **fields)  # type: ignore[arg-type]


def catalog(*specs: ModelSpec, mapping: dict[ModelCapability, str] | None = None) -> Catalog:
    return Catalog({s.model_path: s for s in specs}, mapping or {}, known_engines().traits)


def sources_of(model: ModelSpec) -> list[Source]:
    return catalog().sources_of(model)


def test_later_edits_of_the_dictionaries_are_seen():
    registry: dict[str, ModelSpec] = {}
    mapping: dict[ModelCapability, str] = {}
    models = Catalog(registry, mapping, known_engines().traits)
    with pytest.raises(UnmappedCapabilityError):
        models.for_capability(SUMMARIZATION)
    registry["my-model/path"] = spec("my-model/path")
    mapping[SUMMARIZATION] = "my-model/path"
    assert models.for_capability(SUMMARIZATION) is models.spec("my-model/path")


@pytest.mark.parametrize("typed", ["Qwen/Qwen3-8b-Instruct", "qwen3"])
def test_a_misspelt_name_is_answered_with_the_likely_one(typed):
    models = catalog(spec("Qwen/Qwen3-8B"), spec("mistralai/Ministral"))
    with pytest.raises(UnknownModelError, match="Did you mean Qwen/Qwen3-8B") as caught:
        models.spec(typed)
    assert caught.value.suggestions == ("Qwen/Qwen3-8B",)


@pytest.mark.parametrize("typed", ["qwen/qwen3-8b", "Qwen3-8B", "qwen3-8b", "n3-8b", "big-qwen"])
def test_a_name_needs_neither_its_case_nor_its_beginning(typed):
    wanted = spec("Qwen/Qwen3-8B")
    wanted.short_names = ("big-qwen",)
    models = catalog(wanted, spec("mistralai/Ministral"), spec("qwen/Qwen3-14B"))
    assert models.spec(typed) is wanted


def test_an_ending_that_several_names_have_is_asked_about():
    models = catalog(spec("a/My-Chat-8B"), spec("b/Your-Chat-8B"))
    with pytest.raises(UnknownModelError, match="Did you mean a/My-Chat-8B or b/Your-Chat-8B"):
        models.spec("chat-8b")
    other = catalog(spec("a/Some"), spec("b/some"))
    with pytest.raises(UnknownModelError, match="Did you mean a/Some or b/some"):
        other.spec("some")
    assert other.spec("b/some").model_path == "b/some"


def resolve(available: set[str], fallback: str | None = "embedded/small"):
    models = catalog(
        spec("a/wanted", SUMMARIZATION, priority=10),
        spec("a/good", SUMMARIZATION, PRIMARY, priority=80),
        spec("a/better", SUMMARIZATION, priority=90),
        spec("a/other", PRIMARY, priority=99),
        spec("embedded/small", SUMMARIZATION, priority=1),
        mapping={SUMMARIZATION: "a/wanted"},
    )
    return models.resolve(SUMMARIZATION, lambda s: s.model_path in available, fallback)


@pytest.mark.parametrize(
    ("available", "chosen"),
    [
        ({"a/wanted", "a/better"}, "a/wanted"),
        ({"a/good", "a/better", "a/other", "embedded/small"}, "a/better"),
        ({"embedded/small"}, "embedded/small"),
        ({"a/other"}, "embedded/small"),
        (set(), "embedded/small"),
    ],
)
def test_who_serves_when_weights_are_absent(available, chosen):
    resolution = resolve(available)
    assert resolution.spec.model_path == chosen
    assert resolution.wanted.model_path == "a/wanted"
    assert resolution.is_fallback is (chosen != "a/wanted")
    if resolution.is_fallback:
        assert "airunner models pull a/wanted" in resolution.reason
        assert chosen in resolution.reason
        assert "\n" not in resolution.reason
    else:
        assert resolution.reason == ""


def test_without_a_fallback_nothing_is_made_up():
    with pytest.raises(MissingWeightsError, match="a/wanted"):
        resolve({"a/other"}, fallback=None)


def test_every_problem_of_a_registry_is_told_at_once():
    broken = {
        "a/key": spec("a/another"),
        "a/engine": spec("a/engine", engine="steam"),
        "a/remote": spec("a/remote", engine="remote"),
        "a/useless": ModelSpec("a/useless", []),
        "a/dialect": spec("a/dialect", chat_dialect="chatml"),
        "nowhere": spec("nowhere"),
        "a/numbers": spec(
            "a/numbers",
            max_context=0,
            gpu_memory_gb=float("nan"),
            parameters_b=-1.0,
            sampling=Sampling(temperature=7.0, top_p=1.5),
        ),
        "a/yarn": spec("a/yarn", max_context=4096, yarn_context=2048),
        "a/orphan": spec("a/orphan", sources=(RequantizedSource("a/gone", "Q8_0"),)),
        "a/egg": spec("a/egg", sources=(RequantizedSource("a/hen", "Q8_0"),)),
        "a/hen": spec("a/hen", sources=(RequantizedSource("a/egg", "Q4_0"),)),
        "a/fine": spec("a/fine"),
    }
    mapping = {PRIMARY: "a/fine", SUMMARIZATION: "a/absent"}
    with pytest.raises(InvalidCatalogError) as caught:
        Catalog(broken, mapping, known_engines().traits).validate()
    told = "\n".join(caught.value.problems)
    for expected in (
        "a/key is registered with another model_path, a/another",
        "a/engine has engine 'steam'; there is llama_cpp, diffusers",
        "a/remote has engine 'remote'; there is llama_cpp, diffusers",
        "a/useless has no capabilities",
        "a/dialect has chat_dialect='chatml'; there are native, guided",
        "nowhere has no sources",
        "a/numbers has max_context=0",
        "a/numbers has gpu_memory_gb=nan",
        "a/numbers has parameters_b=-1.0",
        "a/numbers has temperature=7.0",
        "a/numbers has top_p=1.5",
        "a/yarn has yarn_context=2048",
        "a/orphan is re-quantized from a/gone, which is not registered",
        "a/egg is re-quantized from itself",
        "a/hen is re-quantized from itself",
        "primary_conversation is mapped to a/fine, which does not list that capability",
        "summarization is mapped to a/absent, which is not registered",
    ):
        assert expected in told
    assert len(caught.value.problems) == 17


def test_a_name_alone_says_where_to_look():
    assert sources_of(spec("Qwen/Qwen3-1.7B")) == [
        HubSource("Qwen/Qwen3-1.7B-GGUF", "*Q4_K_M*.gguf"),
        HubSource("Qwen/Qwen3-1.7B", "*Q4_K_M*.gguf"),
    ]
    assert sources_of(spec("a/model-GGUF", quantization="Q5_K_S")) == [
        HubSource("a/model-GGUF", "*Q5_K_S*.gguf")
    ]
    stated = FileSource("there.gguf")
    assert sources_of(spec("a/model", sources=(stated,))) == [stated]
    assert sources_of(spec("/weights/mine.gguf")) == []


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("/weights/mine.gguf", True),
        ("~/mine.GGUF", True),
        ("folder/mine.gguf", True),
        ("./folder/mine", True),
        ("Qwen/Qwen2.5-7B-Instruct", False),
        ("Qwen/Qwen3-8B-GGUF", False),
    ],
)
def test_which_names_are_paths(name, local):
    assert is_local_file(spec(name)) is local


DRAWING = ModelCapability.IMAGE_GENERATION


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "needs image=ImageDefaults"),
        ({"image": ImageDefaults(width=100)}, r"image\.width=100, which must be a multiple of 8"),
        ({"image": ImageDefaults(height=0)}, r"image\.height=0"),
        ({"image": ImageDefaults(steps=0)}, r"image\.steps=0"),
        ({"image": ImageDefaults(guidance=float("nan"))}, r"image\.guidance=nan"),
        ({"image": ImageDefaults(), "capabilities": [SUMMARIZATION]}, 'takes engine="llama_cpp"'),
        (
            {"image": ImageDefaults(), "capabilities": [DRAWING, PRIMARY]},
            "lists PRIMARY_CONV",
        ),
        ({"engine": "llama_cpp"}, 'lists IMAGE_GENERATION, which takes engine="diffusers"'),
        (
            {"engine": "llama_cpp", "capabilities": [PRIMARY], "sources": (PackagedSource("x"),)},
            "a folder as source",
        ),
    ],
)
def test_an_image_model_must_be_a_whole_one(fields, problem):
    entry = {"capabilities": [DRAWING], "engine": "diffusers", **fields}
    with pytest.raises(InvalidCatalogError, match=problem):
        catalog(ModelSpec("a/painter", **entry)).validate()


def test_an_image_model_by_name_alone_is_its_repositorys_pipeline():
    painter = spec("a/painter", DRAWING, engine="diffusers", image=ImageDefaults())
    catalog(painter).validate()
    (source,) = sources_of(painter)
    assert isinstance(source, HubFolderSource)
    assert (source.repo, source.revision) == ("a/painter", "main")
    assert is_local_file(spec("/models/painter", DRAWING, engine="diffusers"))
    assert sources_of(spec("/models/painter", DRAWING, engine="diffusers")) == []
