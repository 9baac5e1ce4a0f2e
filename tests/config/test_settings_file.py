"""Settings that the program writes: comments stay, and what cannot be used is never written."""

from __future__ import annotations

import stat
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airunner.config.settings import Settings
from airunner.config.settings_file import SettingsFile
from airunner.config.toml_file import read_toml, write_entries
from airunner.errors import SettingsError, StorageError

WRITTEN = """\
# My machine has 24 GB.
max_memory = "12GB"  # half of it
context = 16384

[permissions]
# The garden is harmless.
"garden_*" = "allow"
"@network" = "ask"

[assign]
translation = "cpu" # slow, but there
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(WRITTEN)
    return path


def load(path: Path) -> Settings:
    return Settings.load({"home": path.parent}, {})


def test_only_what_is_changed_is_another(path: Path) -> None:
    file = SettingsFile(load(path))
    file.change({"context": 8192, "max_steps": "12", "offline": True})
    expected = WRITTEN.replace("16384", "8192").replace(
        "\n[permissions]", "max_steps = 12\noffline = true\n\n[permissions]"
    )
    assert path.read_text() == expected
    settings = load(path)
    assert (settings.context, settings.max_steps, settings.offline) == (8192, 12, True)
    assert settings.origins["max_steps"] == file.origin


def test_a_table_keeps_the_entries_and_comments_that_stay(path: Path) -> None:
    file = SettingsFile(load(path))
    file.change({"permissions": {"garden_*": "allow", "write_file(path=notes/*)": "allow"}})
    text = path.read_text()
    assert "# The garden is harmless." in text
    assert "# slow, but there" in text
    assert load(path).permissions == (
        ("garden_*", "allow"),
        ("write_file(path=notes/*)", "allow"),
    )
    file.change({"permissions": None, "max_memory": None})
    assert "garden" not in path.read_text()
    assert load(path).max_memory is None
    assert load(path).assign == (("translation", "cpu"),)


def test_every_form_is_read_back_as_it_was_meant(path: Path) -> None:
    file = SettingsFile(load(path))
    given = {
        "max_memory": "6.5GiB",
        "reserve": 5_000_000,
        "devices": "cpu:0=600MB,cpu:1",
        "assign": {"summarization": "cpu:1"},
        "keep_in_memory": "summarization, translation",
        "kv_type": "q8_0",
        "lease_timeout_s": 2.5,
        "image_size": "640x480",
        "tools": ["-web"],
        "pictures": "~/Drawn",
        "visible_gpus": "0,1",
        "keep_parked": "no",
    }
    file.change(given)
    settings = load(path)
    for name, value in given.items():
        assert getattr(settings, name) == getattr(Settings().replace(**{name: value}), name)
    content = tomllib.loads(path.read_text())
    assert (content["max_memory"], content["pictures"]) == ("6.5GiB", "~/Drawn")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"max_steps": 3, "context": "many"}, "context"),
        ({"max_steps": 3, "contxt": 5}, "contxt"),
        ({"max_steps": 3, "config": "/etc/other.toml"}, "config"),
        ({"max_steps": 3, "context": True}, "context"),
        ({"permissions": {"rm -rf": "allow"}}, "permissions"),
    ],
)
def test_all_or_nothing_is_written(path: Path, changes: dict[str, object], name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        SettingsFile(load(path)).change(changes)
    assert refused.value.name == name
    assert str(path) in refused.value.origin
    assert path.read_text() == WRITTEN


def test_a_file_is_made_where_it_would_have_been_read(tmp_path: Path) -> None:
    home = tmp_path / "home"
    file = SettingsFile(Settings(home=home))
    file.change({"max_steps": 3})
    assert file.path == home / "config.toml"
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert Settings.load({"home": home}, {}).max_steps == 3
    named = tmp_path / "mine.toml"
    named.write_text("")
    assert SettingsFile(Settings.load({"home": home, "config": named}, {})).path == named
    assert SettingsFile(Settings.load({}, {"AIRUNNER_HOME": str(home)})).path == file.path


def test_a_link_stays_one_and_the_mode_too(path: Path, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.toml"
    path.rename(kept)
    kept.chmod(0o644)
    path.symlink_to(kept)
    SettingsFile(load(path)).change({"context": 4096})
    assert path.is_symlink()
    assert "context = 4096" in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o644
    assert sorted(each.name for each in tmp_path.iterdir()) == ["config.toml", "dotfiles.toml"]


def test_a_file_that_somebody_broke_is_left_alone(path: Path) -> None:
    file = SettingsFile(load(path))
    path.write_text("context = \n")
    with pytest.raises(SettingsError, match="not valid TOML"):
        file.change({"context": 4096})
    assert path.read_text() == "context = \n"
    path.unlink()
    path.mkdir()
    with pytest.raises((SettingsError, StorageError)):
        file.change({"context": 4096})


def test_a_byte_order_mark_is_no_error(path: Path) -> None:
    path.write_text(WRITTEN, encoding="utf-8-sig")
    SettingsFile(load(path)).change({"context": 8192})
    assert load(path).context == 8192
    assert "# half of it" in path.read_text(encoding="utf-8-sig")


def test_settings_and_models_that_change_at_the_same_time_are_all_kept(path: Path) -> None:
    file, names = SettingsFile(load(path)), [f"m{number}" for number in range(8)]
    steps = {
        "max_steps": 3,
        "max_tokens": 64,
        "queue_limit": 5,
        "threads": 1,
        "parallel_downloads": 3,
    }
    with ThreadPoolExecutor(8) as threads:
        done = [
            threads.submit(write_entries, path, {("models", name): {"file": name}})
            for name in names
        ]
        done += [threads.submit(file.change, {name: value}) for name, value in steps.items()]
        for each in done:
            each.result()
    content = read_toml(path).content
    assert content["models"] == {name: {"file": name} for name in names}
    assert {name: content[name] for name in steps} == steps
