"""What flags, the environment and the configuration file say of settings, each with its origin.

Owns where the file is, and which words of each belong to which setting. What they mean, and
which of them wins, is ``settings``'.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airunner.config import default_folders
from airunner.config.setting import Setting
from airunner.config.toml_file import TABLES, read_toml
from airunner.errors import SettingsError

Given = dict[str, tuple[object, str]]
"""Values by the name of their setting, with where they came from."""


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


def from_file(settings: Mapping[str, Setting], file: Path, *, required: bool) -> Given | None:
    """The file's entries, or ``None`` if there is no file and none was asked for.

    Raises:
        SettingsError: it cannot be read, is no TOML, or is not there.
    """
    origin = f"{file.name} ({file})"
    read = read_toml(file)
    if not read.exists:
        if not required:
            return None
        raise SettingsError("config", str(file), origin, "there is no such file")
    for name, value in read.content.items():
        if name in settings and not settings[name].in_file:
            raise SettingsError(name, value, origin, "a file cannot name another; remove this line")
    return {name: (value, origin) for name, value in read.content.items() if name not in TABLES}
