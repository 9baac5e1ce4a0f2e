"""Where values of settings are given: in flags, in variables, and in a file.

Owns what each place says and what it is called, as it is written there; which place wins, and
what a value means, is ``settings``'. At most one file is read:

1. the one named by ``--config`` or ``AIRUNNER_CONFIG``, which must exist;
2. else ``config.toml`` in the home folder, if ``--home`` or ``AIRUNNER_HOME``
   names one (a home of one's own is complete and ignores the user's file);
3. else ``airunner/config.toml`` in the user's configuration folder.
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
"""Values by the names of their settings, each with where it came from."""


def from_flags(flags: Mapping[str, object]) -> Given:
    """What was given as flags; one that is ``None`` was not."""
    given = {name.replace("-", "_"): value for name, value in flags.items() if value is not None}
    return {n: (value, "flag --" + n.replace("_", "-")) for n, value in given.items()}


def from_environment(environ: Mapping[str, str], settings: Mapping[str, Setting]) -> Given:
    """What variables say; an empty one counts as unset, except for CUDA's, where it means none."""
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


def from_file(file: Path, settings: Mapping[str, Setting], *, required: bool) -> Given | None:
    """The file's entries, or ``None`` if there is no file and none is ``required``.

    Raises:
        SettingsError: it is required and not there, cannot be read, or names another file.
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
