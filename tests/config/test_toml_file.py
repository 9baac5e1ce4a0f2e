from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from airunner.config.toml_file import read_toml, write_entries
from airunner.errors import SettingsError, StorageError

ADDED = {"file": "y", "capabilities": ["translation"], "sampling": {"top_k": 3}}

FORMS = {
    "nothing": "",
    "settings alone": "# mine\ncontext = 3  # small",
    "tables": '[models.a]\nfile = "x"\n\n[assign]\ntranslation = "cpu"\n',
    "tables apart": '[models.a]\nfile = "x"\n[assign]\nx = "cpu"\n[models."b.c"]\nfile = "z"\n',
    "one table": '[models]\na = { file = "x" }\n\n[assign]\nx = "cpu"\n',
    "dots": 'models.a.file = "x"  # mine\ncontext = 3\n',
    "dots in a table": '[models]\na.file = "x"\n[assign]\nx = "cpu"\n',
    "windows": '[models.a]\r\nfile = "x"\r\n',
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_a_table_is_added_and_removed_in_every_form_and_all_else_stays(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(text.encode())
    before: dict[str, Any] = tomllib.loads(text)
    write_entries(file, {("models", "new/one"): ADDED, ("capabilities", "translation"): "new/one"})
    content = dict(read_toml(file).content)
    assert content["models"] == {**before.get("models", {}), "new/one": ADDED}
    assert content["capabilities"] == {"translation": "new/one"}
    rest = {key: value for key, value in content.items() if key not in ("models", "capabilities")}
    assert rest == {key: value for key, value in before.items() if key != "models"}
    assert [line for line in text.splitlines() if "mine" in line or "small" in line] == [
        line for line in file.read_text().splitlines() if "mine" in line or "small" in line
    ]
    write_entries(file, {("models", "new/one"): None, ("capabilities", "translation"): None})
    assert "new/one" not in read_toml(file).content.get("models", {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('models = { a = { file = "x" } }\n', "line 1.*cannot be added to"),
        ("\nmodels = 3\n", "line 2.*must be a table"),
        ("models = \n", "line 1"),
    ],
)
def test_a_form_that_cannot_be_added_to_is_told_and_left_alone(
    tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words):
        write_entries(file, {("models", "b"): ADDED})
    assert file.read_text() == text


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((StorageError, SettingsError)):
        write_entries(tmp_path / "file" / "config.toml", {("models", "b"): ADDED})


def test_the_line_of_an_entry_is_where_it_begins() -> None:
    file = read_toml(Path("/no/such/file"))
    assert (file.exists, file.line_of(["models"])) == (False, 1)


@pytest.mark.parametrize(
    "deep",
    [
        pytest.param("b = " + "[" * 120 + "]" * 120, id="lists"),
        pytest.param("b = " + "{c = " * 120 + "1" + "}" * 120, id="tables"),
        pytest.param("c." * 900 + "d = 1", id="dots"),
    ],
)
def test_what_is_nested_too_deeply_to_be_changed_is_not_read(tmp_path: Path, deep: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"[models.a]\n{deep}\n", encoding="utf-8")
    for work in (read_toml, lambda file: write_entries(file, {("assign", "x"): "cpu"})):
        with pytest.raises(SettingsError, match="nested too deeply"):
            work(file)
