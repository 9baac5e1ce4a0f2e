"""The declaration of one setting, beside its type and default.

Owns what every setting says of itself, and how it is read from a class and told in a
docstring; the settings are ``airunner.config.settings``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_type_hints

from airunner.config.values import Parser, switch


@dataclass(frozen=True, slots=True)
class Setting:
    """What the declaration of a setting says beside its type and default.

    Attributes:
        parse: turns a flag, a variable or a TOML entry into the value.
        help: one line for ``--help`` and ``airunner doctor``.
        metavar: stands for the value in help texts; empty for a switch, which takes none.
        variable: the environment variable, if it is not ``AIRUNNER_<NAME>``.
        in_file: whether the configuration file may hold it.
        name: the field's name, filled in from the field.
    """

    parse: Parser
    help: str
    metavar: str = ""
    variable: str = ""
    in_file: bool = True
    name: str = ""

    @property
    def flag(self) -> str:
        """The setting's command line flag."""
        return "--" + self.name.replace("_", "-")

    @property
    def is_switch(self) -> bool:
        """Whether the flag stands alone."""
        return self.parse is switch


def declarations(settings: type) -> dict[str, Setting]:
    """What the annotations of a class declare, by the fields' names and in their order."""
    hints = get_type_hints(settings, include_extras=True)
    return {
        name: replace(declared, name=name, variable=declared.variable or f"AIRUNNER_{name.upper()}")
        for name, hint in hints.items()
        for declared in getattr(hint, "__metadata__", ())
    }


def attributes(declared: Mapping[str, Setting]) -> str:
    """The section of a class's docstring that tells each setting, for ``help()``."""
    lines = [f"        {name}: {setting.help}." for name, setting in declared.items()]
    return "\n".join(["    Attributes:", *lines])
