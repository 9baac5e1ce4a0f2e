"""The configuration file, changed by the program: what the user wrote around it stays.

Owns writing, a value at a time, with comments and order kept; ``config.settings`` alone
decides what the file means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airunner.config.settings import SETTINGS, Settings, parse_setting
from airunner.config.toml_file import MOST_BYTES, TABLES, changing, read_toml
from airunner.config.values import show
from airunner.config.whole_file import write_whole
from airunner.errors import SettingsError

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


class SettingsFile:
    """The file that ``settings`` came from, or would have come from if there were one.

    Every method may be called from any thread.
    """

    def __init__(self, settings: Settings) -> None:
        self.path = settings.file

    @property
    def origin(self) -> str:
        """What ``Settings.origins`` says of a value of this file."""
        return f"{self.path.name} ({self.path})"

    def values(self) -> dict[str, Any]:
        """What the file holds now, parsed, by the names of settings.

        Raises:
            SettingsError: it cannot be read, or a value in it cannot be used.
        """
        content = read_toml(self.path).content
        return {
            name: parse_setting(name, value, self.origin)
            for name, value in content.items()
            if name not in TABLES
        }

    def change(self, changes: Mapping[str, object]) -> None:
        """Write other values; ``None`` takes one out. All of them are written, or none.

        Raises:
            SettingsError: a name or a value cannot be used, or the file cannot be read.
            StorageError: it cannot be written.
        """
        parsed = {
            name: None if value is None and name in SETTINGS else self.parsed(name, value)
            for name, value in changes.items()
        }
        import tomlkit  # here, because only a server that changes settings needs it

        with changing:
            document = tomlkit.parse(read_toml(self.path).text)
            for name, value in parsed.items():
                if value is None:
                    document.pop(name, None)
                else:
                    _put(document, name, _written(name, changes[name], value))
            write_whole(self.path, document.as_string(), MOST_BYTES)

    def parsed(self, name: str, value: object) -> Any:
        """What a value of this file would mean.

        Raises:
            SettingsError: it cannot be used.
        """
        if name in SETTINGS and not SETTINGS[name].in_file:
            raise SettingsError(name, value, self.origin, "a file cannot name another")
        return parse_setting(name, value, self.origin)


def _put(document: TOMLDocument, name: str, value: Any) -> None:
    """Set ``name``; of a table that is there, only the entries that differ are touched."""
    table = document.get(name)
    if not (isinstance(value, dict) and isinstance(table, dict)):
        document[name] = value
        return
    for key in [key for key in table if key not in value]:
        del table[key]
    for key, entry in value.items():
        if key not in table or table[key] != entry:
            table[key] = entry


def _written(name: str, given: object, parsed: Any) -> Any:
    """How a value is written in TOML: sizes and paths as they were given."""
    if isinstance(parsed, tuple):
        if SETTINGS[name].metavar == "WxH":
            return show(parsed, "WxH")
        if SETTINGS[name].metavar.partition(",")[0].count("="):
            return {key: "auto" if entry is None else entry for key, entry in parsed}
        return list(parsed)
    if isinstance(parsed, bool | float) or SETTINGS[name].metavar == "N":
        return parsed
    return given if isinstance(given, int) else str(given).strip()
