"""The configuration file as text: its tables, the line an entry stands on, and writing one.

Owns no meaning: what a key says is for whoever asks. The user's comments, order and
spacing stay as they are.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from airunner.config.text_file import read_text
from airunner.config.whole_file import write_whole
from airunner.errors import SettingsError
from airunner.errors.system_words import system_words

MOST_BYTES = 65_536
"""The largest configuration file."""

_MOST_DOTS = 1_000
"""In one line: the time that the reader takes for a key grows with the square of its dots."""

_MOST_LEVELS = 50
"""Of tables and lists within each other; whoever changes or copies a file goes into all."""

_MOST_PARSED = 100
"""How often a file is read to find a line."""

changing = threading.Lock()
"""Held from the reading of a file to the writing of it, by whoever changes one."""

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
        if not keys:
            return 1
        # The entry is not in the first ``without`` lines, and begins before line ``end``.
        without, end, parsed = 0, len(lines), 0
        while end - without > 1 and parsed < _MOST_PARSED:
            middle = (without + end) // 2
            for count in range(middle, end):
                parsed += 1
                try:
                    content = tomllib.loads("\n".join(lines[:count]))
                except tomllib.TOMLDecodeError:
                    if parsed == _MOST_PARSED:
                        break
                    continue  # in the middle of an entry
                if _has(content, keys):
                    end = count
                else:
                    without = count
                break
            else:
                end = middle
        return without + 1


def read_toml(path: Path) -> TomlFile:
    """The file at ``path``; an empty one where there is none.

    Raises:
        SettingsError: it cannot be read, or is no TOML; the message has line and column.
    """
    import tomllib

    try:
        text = read_text(path, MOST_BYTES)
        if any(line.count(".") > _MOST_DOTS for line in text.split("\n")):
            reason = f"has a line of more than {_MOST_DOTS:,} dots"
        elif _is_too_deep(content := tomllib.loads(text)):
            reason = "is nested too deeply"
        else:
            return TomlFile(path, True, text, content)
    except (FileNotFoundError, NotADirectoryError):
        return TomlFile(path, False, "", {})
    except OSError as problem:
        reason = f"cannot be read: {system_words(problem)}"
    except RecursionError:
        reason = "is nested too deeply"
    except ValueError as problem:  # TOMLDecodeError and UnicodeDecodeError
        reason = f"is not valid TOML: {problem}"
    raise SettingsError("config", str(path), f"{path.name} ({path})", reason)


def write_entries(path: Path, entries: Mapping[tuple[str, str], Any]) -> None:
    """Set entries of tables, each by table and name; ``None`` removes one. All or none.

    Raises:
        SettingsError: the file is no TOML, or a table is in a form that cannot be added to.
        StorageError: it cannot be written.
    """
    with changing:
        read = read_toml(path)
        wanted: dict[str, Any] = copy.deepcopy(dict(read.content))
        for (table, name), value in entries.items():
            inside = wanted.setdefault(table, {})
            if not isinstance(inside, dict):
                raise SettingsError(table, inside, read.origin([table]), "must be a table")
            if value is None:
                inside.pop(name, None)
            else:
                inside[name] = value
        for text in (_edited(read.text, entries), _appended(read.text, entries)):
            if _means(text) == {key: value for key, value in wanted.items() if value != {}}:
                write_whole(path, text, MOST_BYTES)
                return
        table = next(iter(entries))[0]
        problem = (
            f"is in a form that cannot be added to; write it as [{table}] and lines below that"
        )
        raise SettingsError(table, "...", read.origin([table]), problem)


def _edited(text: str, entries: Mapping[tuple[str, str], Any]) -> str:
    """The text with entries set where their tables are; empty if that cannot be."""
    import tomlkit

    document: Any = tomlkit.parse(text)
    try:
        for (table, name), value in entries.items():
            if value is None:
                document.get(table, {}).pop(name, None)
                continue
            if table not in document:
                document[table] = tomlkit.table(is_super_table=isinstance(value, Mapping))
            document[table][name] = tomlkit.item(value)
        return tomlkit.dumps(document)
    except ValueError:  # an inline table, which takes no table inside
        return ""


def _appended(text: str, entries: Mapping[tuple[str, str], Any]) -> str:
    """The text with entries as tables of their own at its end, for keys that have dots."""
    new = _edited("", {keys: value for keys, value in entries.items() if value is not None})
    return f"{text.rstrip()}\n\n{new}"


def _means(text: str) -> dict[str, Any]:
    """What a text says, without tables that are empty."""
    import tomllib

    try:
        return {key: value for key, value in tomllib.loads(text).items() if value != {}}
    except ValueError:
        return {"no": "TOML"}


def _is_too_deep(content: object) -> bool:
    level: list[object] = [content]
    for _ in range(_MOST_LEVELS):
        tables = [each.values() for each in level if isinstance(each, dict)]
        lists = [each for each in level if isinstance(each, list)]
        level = list(chain.from_iterable(chain(tables, lists)))
    return bool(level)


def _has(content: object, keys: Sequence[str | int]) -> bool:
    for key in keys:
        try:
            content = content[key]  # type: ignore[index]
        except (LookupError, TypeError):
            return False
    return True
