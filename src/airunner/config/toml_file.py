"""The configuration file as text: its tables, the line an entry stands on, and writing one.

Owns no meaning: what a key says is for whoever asks. The user's comments, order and
spacing stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airunner.config.whole_file import write_whole
from airunner.errors import SettingsError

TABLES = ("models", "capabilities")
"""Keys of the file that are no settings: models of the user's own, and who serves what."""


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A file as it was read; an empty one where there is none."""

    path: Path
    exists: bool
    text: str
    content: Mapping[str, Any]

    def origin(self, keys: Sequence[str | int]) -> str:
        """Where an entry stands, for an error: the file, and the line."""
        return f"{self.path.name}, line {self.line_of(keys)} ({self.path})"

    def line_of(self, keys: Sequence[str | int]) -> int:
        """The line, from 1, on which the entry at ``keys`` begins.

        Of an entry that is not there, that of the innermost table it would belong to. Works
        for every form in which TOML can be written: an entry begins with the first line
        without which the text up to its end lacks it.
        """
        import tomllib

        while keys and not _has(self.content, keys):
            keys = keys[:-1]
        lines = self.text.replace("\r\n", "\n").split("\n")
        sound_lines = 0
        for count in range(1, len(lines) + 1):
            try:
                content = tomllib.loads("\n".join(lines[:count]))
            except tomllib.TOMLDecodeError:
                continue  # in the middle of an entry
            if keys and _has(content, keys):
                return sound_lines + 1
            sound_lines = count
        return 1


def read_toml(path: Path) -> TomlFile:
    """The file at ``path``; an empty one where there is none.

    Raises:
        SettingsError: it cannot be read, or is no TOML; the message has line and column.
    """
    import tomllib

    try:
        text = path.read_bytes().decode("utf-8-sig")  # with its ends of lines
        return TomlFile(path, True, text, tomllib.loads(text))
    except FileNotFoundError:
        return TomlFile(path, False, "", {})
    except OSError as problem:
        reason = f"cannot be read: {problem}"
    except ValueError as problem:  # TOMLDecodeError and UnicodeDecodeError
        reason = f"is not valid TOML: {problem}"
    raise SettingsError("config", str(path), f"{path.name} ({path})", reason)


def write_entries(path: Path, entries: Mapping[tuple[str, str], Any]) -> None:
    """Set entries of tables, each by table and name; ``None`` removes one. All or none.

    Raises:
        SettingsError: the file is no TOML, or a table's name stands for something else.
        StorageError: it cannot be written.
    """
    import tomlkit

    read = read_toml(path)
    document = tomlkit.parse(read.text)
    for (table_name, name), value in entries.items():
        table = document.get(table_name)
        if table is None:
            if value is None:
                continue
            table = tomlkit.table(is_super_table=isinstance(value, Mapping))
            document[table_name] = table
        if not isinstance(table, MutableMapping):
            raise SettingsError(
                table_name, str(table), read.origin([table_name]), "must be a table"
            )
        if value is None:
            table.pop(name, None)
        else:
            table[name] = tomlkit.item(value)
    write_whole(path, tomlkit.dumps(document))


def _has(content: object, keys: Sequence[str | int]) -> bool:
    for key in keys:
        try:
            content = content[key]  # type: ignore[index]
        except (LookupError, TypeError):
            return False
    return True
