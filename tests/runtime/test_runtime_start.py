"""Starting a runtime with settings that name what does not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from airunner.config.settings import Settings
from airunner.errors import DeviceNotFoundError, SettingsError, StorageError
from airunner.events import Event, FallbackChosen
from airunner.models.spec import ModelCapability
from airunner.runtime import Runtime


def settings(home: Path, **values: object) -> Settings:
    return Settings.load({"home": home, "offline": True, **values}, environ={})


def test_an_unknown_capability_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"No capability .poetry.*summarization"):
        Runtime(settings(tmp_path, keep_in_memory="poetry"))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_device_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(DeviceNotFoundError, match="cuda:9"):
        Runtime(settings(tmp_path, assign="summarization=cuda:9"))
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    occupied = tmp_path / "parked"
    occupied.write_text("a file where a folder has to be")
    with pytest.raises(StorageError, match="parked"):
        Runtime(settings(tmp_path))
    assert list((tmp_path / "run").iterdir()) == []


def test_pins_from_the_settings_are_loaded_before_the_first_answer(embedded_home: Path) -> None:
    wanted = settings(embedded_home, keep_in_memory="summarization", max_memory="2GB", context=1024)
    with Runtime(wanted) as runtime:
        assert runtime.use_specialized_model(ModelCapability.TRANSLATION, "Hello", max_tokens=2)
        (pinned,) = [m for m in runtime.status().models if m.pinned]
        assert pinned.model == runtime.resolve(ModelCapability.SUMMARIZATION).spec.model_path
        assert pinned.state == "ready"


def test_pins_that_do_not_fit_are_refused_each_time(embedded_home: Path) -> None:
    wanted = settings(
        embedded_home, keep_in_memory="summarization", max_memory="300MB", context=1024
    )
    with Runtime(wanted) as runtime:
        for _ in range(2):
            assert runtime.use_specialized_model(ModelCapability.TRANSLATION, "Hello") is None


@pytest.mark.parametrize(
    ("max_memory", "told_of"),
    [
        ("600MB", []),  # the embedded model is what this memory is planned for
        ("4GB", ["Qwen/Qwen3-4B"]),  # the mapped one would be refused
        ("8GB", ["Qwen/Qwen2.5-Coder-7B-Instruct"]),
    ],
)
def test_a_stand_in_is_told_of_with_a_model_that_fits(
    embedded_home: Path, max_memory: str, told_of: list[str]
) -> None:
    heard: list[Event] = []
    # With fewer threads the mapped one would be slow, and another is planned.
    wanted = settings(embedded_home, max_memory=max_memory, context=512, threads=4)
    with Runtime(wanted) as runtime:
        runtime.bus.subscribe(heard.append)
        assert runtime.use_specialized_model(ModelCapability.CODE_GENERATION, "1", max_tokens=1)
    told = [event for event in heard if isinstance(event, FallbackChosen)]
    assert [event.wanted for event in told] == told_of
    assert [event.advice for event in told] == [f"airunner models pull {m}" for m in told_of]
