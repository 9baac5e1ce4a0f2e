from __future__ import annotations

from pathlib import Path

import pytest

from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    EMBEDDED_ARTIST,
    EMBEDDED_PRIMARY,
    MODEL_REGISTRY,
)
from airunner.config.settings import Settings
from airunner.engines.known import known_engines
from airunner.errors import SettingsError, UnknownModelError, UnsuitedModelError
from airunner.models.catalog import Catalog
from airunner.models.spec import FileSource, HubSource, ModelCapability
from airunner.runtime.checkup import examine
from airunner.runtime.file_models import (
    add_models,
    assign_models,
    assigned_models,
    forget_wrong_assignment,
    open_catalog,
    remove_model,
)
from airunner.runtime.survey import Survey

TRANSLATION = ModelCapability.TRANSLATION
FILE = """\
# Mine.
context = 1024  # small

[models."my/translator"]
file = "weights/translator.gguf"
capabilities = ["translation"]
sampling = { temperature = 0.1 }

[capabilities]
translation = "my/translator"
"""


@pytest.fixture
def settings(empty_home: Path) -> Settings:
    return Settings.load({"home": empty_home}, environ={})


def opened(settings: Settings, text: str | None = None) -> Catalog:
    if text is not None:
        settings.file.write_text(text, encoding="utf-8")
    return open_catalog(settings, known_engines().traits)


@pytest.fixture(autouse=True)
def taken_back(tmp_path: Path) -> None:
    """The catalogue is the process's own: another file takes back what the last one put there."""
    nothing = Settings.load({"home": tmp_path / "nothing"}, environ={})
    before = dict(MODEL_REGISTRY), dict(CAPABILITY_TO_MODEL)
    yield
    opened(nothing)
    assert before == (MODEL_REGISTRY, CAPABILITY_TO_MODEL)


def test_models_of_the_file_are_in_the_one_catalogue(settings: Settings) -> None:
    settings.file.write_text(FILE)
    assert Settings.load({"home": settings.home}, environ={}).context == 1024
    catalog = opened(settings)
    spec = MODEL_REGISTRY["my/translator"]
    assert spec.sources == (FileSource(str(settings.home / "weights/translator.gguf")),)
    assert spec.sampling.temperature == 0.1
    assert catalog.for_capability(TRANSLATION) is spec
    assert CAPABILITY_TO_MODEL[TRANSLATION] == "my/translator"
    assert opened(settings).spec("my/translator") is spec, "the same file changes nothing"


def test_a_table_may_replace_a_registered_model_and_its_going_brings_it_back(
    settings: Settings,
) -> None:
    mine = '[models."Qwen/Qwen3-8B"]\nrepo = "me/mine"\npattern = "*Q8_0*.gguf"\n'
    mine += f"capabilities = {[c.value for c in MODEL_REGISTRY['Qwen/Qwen3-8B'].capabilities]}\n"
    before = MODEL_REGISTRY["Qwen/Qwen3-8B"]
    opened(settings, mine)
    assert MODEL_REGISTRY["Qwen/Qwen3-8B"].sources == (HubSource("me/mine", "*Q8_0*.gguf"),)
    opened(settings, "")
    assert MODEL_REGISTRY["Qwen/Qwen3-8B"] is before


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[models.a]\nfile = "a.gguf"\n', 1, "capabilities.*missing"),
        ('[models.a]\nfile = "a.gguf"\ncapabilities = ["translate"]\n', 3, "there is primary"),
        ('\n[models.a]\n\n# so\nfile = 3\ncapabilities = ["translation"]', 5, "valid string"),
        ('[models.a]\nfiel = "a"\ncapabilities = ["translation"]', 2, "no such key.*file, folder"),
        (
            'models.a.image.widht = 8\nmodels.a.capabilities = ["translation"]',
            1,
            "no such key; there is width",
        ),
        ('models = { a = { file = "a" } }\n', 1, "capabilities"),
        ("context = 512\nmodels = 3\n", 2, "table of models"),
        ('[models]\na = "a.gguf"\n', 2, "must be a table"),
        ('models.a.capabilities = ["translation"]\nmodels.a.max_context = "4k"', 2, "integer"),
        ('[models.a]\ncapabilities = ["translation"]', 1, "a has no sources"),
        (
            '[models.a]\ncapabilities = [\n  "translation",\n]\nfile = "a"\nrepo = "b/c"\n',
            6,
            "file says already",
        ),
        ('[models.a]\nfile = "a"\npattern = "b"\ncapabilities = ["translation"]', 3, "with repo"),
        (
            '[models.a]\nurl = "http://a/a.gguf"\nengine = "fast"\ncapabilities = ["translation"]',
            1,
            "engine 'fast'",
        ),
        ('[capabilities]\n# mine\ntranslation = "Qwen3-9B"\n', 3, "did you mean Qwen/Qwen3-8B"),
        ('[capabilities]\ntranslating = "Qwen/Qwen3-8B"\n', 2, "no such capability"),
        ('capabilities.image_generation = "Qwen/Qwen3-8B"\n', 1, "not registered for image"),
        ("capabilities.translation = 3\n", 1, "no such model"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    settings: Settings, text: str, line: int, words: str
) -> None:
    before = dict(MODEL_REGISTRY)
    with pytest.raises(SettingsError, match=f"(?s){words}") as caught:
        opened(settings, text)
    assert f"config.toml, line {line} (" in caught.value.origin
    assert before == MODEL_REGISTRY


def test_models_are_added_and_assigned_and_the_users_text_stays(settings: Settings) -> None:
    text = "# Mine.\r\ncontext = 1024  # small\r\n"
    settings.file.write_bytes(text.encode())
    table = {"file": "/w/a.gguf", "capabilities": ["translation"], "sampling": {"top_k": 9}}
    add_models(settings, {"me/a.b:c": table})
    spec = MODEL_REGISTRY["me/a.b:c"]
    assert spec.sampling.top_k == 9
    assign_models(settings, {TRANSLATION: "me/a.b:c"})
    assert CAPABILITY_TO_MODEL[TRANSLATION] == "me/a.b:c"
    assert assigned_models(settings) == {TRANSLATION: "me/a.b:c"}
    assert settings.file.read_bytes().startswith(text.encode())
    again = Settings.load({"home": settings.home}, environ={})
    assert (again.context, again.file) == (1024, settings.file)
    assert opened(again).spec("me/a.b:c") == spec
    assign_models(settings, {TRANSLATION: None})
    assert CAPABILITY_TO_MODEL[TRANSLATION] == "Qwen/Qwen2.5-3B-Instruct"
    assign_models(settings, {TRANSLATION: "me/a.b:c"})
    assert remove_model(settings, "me/a.b:c")
    assert not remove_model(settings, "me/a.b:c")
    assert assigned_models(settings) == {}
    assert "me/a.b:c" not in MODEL_REGISTRY


def test_a_short_name_is_written_whole_and_read_as_it_is(settings: Settings) -> None:
    assign_models(settings, {TRANSLATION: "qwen3-8b"})
    assert 'translation = "Qwen/Qwen3-8B"' in settings.file.read_text()
    opened(settings, FILE.replace('= "my/translator"', '= "TRANSLATOR"'))
    assert CAPABILITY_TO_MODEL[TRANSLATION] == "my/translator"
    assert assigned_models(settings) == {TRANSLATION: "my/translator"}
    assert remove_model(settings, "my/translator")
    assert assigned_models(settings) == {}


def test_an_assignment_that_cannot_be_is_replaced(settings: Settings) -> None:
    with pytest.raises(SettingsError):
        opened(settings, '[capabilities]\ntranslation = "nobody/nothing"\n')
    with pytest.raises(SettingsError, match="translation"):
        forget_wrong_assignment(settings, ModelCapability.SUMMARIZATION)
    forget_wrong_assignment(settings, TRANSLATION)
    assert assigned_models(settings) == {}
    assign_models(settings, {TRANSLATION: "qwen3-8b"})
    forget_wrong_assignment(settings, TRANSLATION)
    assert assigned_models(settings) == {TRANSLATION: "Qwen/Qwen3-8B"}


def test_a_checkup_tells_everything_that_is_wrong_with_the_settings(settings: Settings) -> None:
    text = 'max_memry = "3GB"\ncontext = 512\n[capabilities]\ntranslation = "nobody/nothing"\n'
    settings.file.write_text(text)
    found = Settings.load_sound({"home": settings.home, "parallel": "many"}, environ={})
    assert found.settings.context == 512
    report = examine(*found)
    told = [each["what"] for each in report["problems"] if each["prevents_running"]]
    assert [each.split("=")[0] for each in told] == [
        "parallel",
        "max_memry",
        "capabilities.translation",
    ]
    assert settings.file.read_text() == text


def test_a_model_whose_file_is_gone_is_not_said_to_be_fetched(settings: Settings) -> None:
    opened(
        settings,
        '[models.mine]\nfile = "gone.gguf"\ncapabilities = ["primary_conversation"]\n',
    )
    found = Settings.load_sound({"home": settings.home, "primary": "mine"}, environ={})
    told = [each["id"] for each in examine(*found)["problems"]]
    assert "gone-mine" in told
    assert "primary-missing" not in told


def test_what_cannot_be_is_not_written(settings: Settings) -> None:
    opened(settings, FILE)
    with pytest.raises(SettingsError, match="valid integer"):
        add_models(settings, {"a": {"capabilities": ["translation"], "max_context": "4k"}})
    with pytest.raises(UnknownModelError):
        assign_models(settings, {TRANSLATION: "nobody/nothing"})
    with pytest.raises(UnsuitedModelError, match=r"does not draw: .*not for image_generation"):
        assign_models(settings, {ModelCapability.IMAGE_GENERATION: EMBEDDED_PRIMARY})
    assert settings.file.read_text() == FILE
    settings.file.write_text("context = \n")
    with pytest.raises(SettingsError, match="line 1"):
        assign_models(settings, {TRANSLATION: EMBEDDED_PRIMARY})


def test_an_unusable_file_of_the_users_is_passed_over_with_one_line(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    file = settings.home / "mine.safetensors"
    file.write_bytes(b"r4nd0m!!" * 600)
    settings.file.write_text(
        '[models.mine]\nfile = "mine.safetensors"\ncapabilities = ["image_generation"]\n'
        'quantization = "16bit"\n[capabilities]\nimage_generation = "mine"\n'
    )
    survey = Survey(settings)
    for _ in range(2):
        found = survey.resolve(ModelCapability.IMAGE_GENERATION)
    assert found.spec.model_path == EMBEDDED_ARTIST
    assert "mine cannot be used" in found.reason
    (told,) = [r.getMessage() for r in caplog.records if "passed over" in r.getMessage()]
    assert "Delete" not in told
