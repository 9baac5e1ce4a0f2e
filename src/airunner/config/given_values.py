"""What flags, environment and file say of settings: each value as it is written, and from where.

Owns which file is read. What the values mean, and which one wins, is ``settings``'.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airunner.config import default_folders
from airunner.config.setting import Setting
from airunner.config.toml_file import TABLES, read_toml
from airunner.errors import SettingsError


def from_flags(flags: Mapping[str, object]) -> dict[str, tuple[object, str]]:
    """What flags say, but for those that say nothing."""
    given = {name.replace("-", "_"): value for name, value in flags.items() if value is not None}
    return {n: (value, "flag --" + n.replace("_", "-")) for n, value in given.items()}


def from_environment(
    environ: Mapping[str, str], declared: Mapping[str, Setting]
) -> dict[str, tuple[object, str]]:
    """What the variables of ``declared`` settings say."""
    found: dict[str, tuple[object, str]] = {}
    for name, setting in declared.items():
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


def from_file(
    file: Path, declared: Mapping[str, Setting], *, required: bool
) -> dict[str, tuple[object, str]] | None:
    """The file's entries, or ``None`` if there is no file and none was asked for.

    Raises:
        SettingsError: it cannot be read, or says what only flags and variables may.
    """
    origin = f"{file.name} ({file})"
    read = read_toml(file)
    if not read.exists:
        if not required:
            return None
        raise SettingsError("config", str(file), origin, "there is no such file")
    for name, value in read.content.items():
        if name in declared and not declared[name].in_file:
            raise SettingsError(name, value, origin, "a file cannot name another; remove this line")
    return {name: (value, origin) for name, value in read.content.items() if name not in TABLES}
