"""What flags, the environment and the configuration file say of settings, each with its origin.

Owns where the file is, which words of each belong to which setting, and which of them wins.
What they mean is ``settings``'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airunner.config import default_folders
from airunner.config.setting import Setting
from airunner.config.toml_file import TABLES, read_toml
from airunner.errors import SettingsError

Given = dict[str, tuple[object, str]]
"""Values by the name of their setting, with where they came from."""

Parse = Callable[[str, object, str], Any]
"""The value of a setting by its name, what is written and its origin, or a ``SettingsError``."""


@dataclass
class Gathered:
    """Values and their origins by the name of their setting, and what cannot be used."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    wrong: list[SettingsError] = field(default_factory=list)

    def take(self, given: Given, parse: Parse) -> None:
        """Add those of ``given`` that nobody has said before."""
        for name, (value, origin) in given.items():
            if name not in self.values:
                try:
                    self.values[name] = parse(name, value, origin)
                except SettingsError as error:
                    self.wrong.append(error)
                else:
                    self.origins[name] = origin


def gather(
    settings: Mapping[str, Setting],
    parse: Parse,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
) -> Gathered:
    """What flags, then variables, then the file say; ``config`` is the file that was read."""
    found = Gathered()
    found.take(from_flags(settings, flags), parse)
    found.take(from_environment(settings, environ), parse)
    file = config_file(found.values)
    try:
        content = from_file(settings, file, named=found.origins.get("config", ""))
    except SettingsError as error:
        found.wrong.append(error)
        content = {}
    if content is not None:
        found.take(content, parse)
        found.values.setdefault("config", file)
    return found


def from_flags(settings: Mapping[str, Setting], flags: Mapping[str, object]) -> Given:
    """Those of flags; one that is ``None`` was not given.

    A program may name what is no setting, and has no flag.
    """
    given = {name.replace("-", "_"): value for name, value in flags.items() if value is not None}
    return {
        n: (value, "flag --" + n.replace("_", "-") if n in settings else "the program")
        for n, value in given.items()
    }


def from_environment(settings: Mapping[str, Setting], environ: Mapping[str, str]) -> Given:
    """Those of variables; an empty one counts as unset where its setting does not read it."""
    found: Given = {}
    for name, setting in settings.items():
        value = environ.get(setting.variable)
        if value or (value is not None and name == "visible_gpus"):
            found[name] = (value, setting.variable)
    return found


def config_file(values: Mapping[str, Any]) -> Path:
    """The file that is read under these values of ``config`` and ``home``."""
    if "config" in values:
        return Path(values["config"])
    if "home" in values:
        return Path(values["home"]) / "config.toml"
    return default_folders.default_configuration() / "config.toml"


def from_file(settings: Mapping[str, Setting], file: Path, *, named: str) -> Given | None:
    """The file's entries, or ``None`` if there is no file and nothing named one.

    Raises:
        SettingsError: it cannot be read, is no TOML, or is not there.
    """
    origin = f"{file.name} ({file})"
    read = read_toml(file)
    if not read.exists:
        if not named:
            return None
        raise SettingsError("config", str(file), named, "there is no such file")
    for name, value in read.content.items():
        if name in settings and not settings[name].in_file:
            raise SettingsError(name, value, origin, "a file cannot name another; remove this line")
    return {name: (value, origin) for name, value in read.content.items() if name not in TABLES}
