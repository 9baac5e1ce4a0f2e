"""Settings as a person changes them while the server runs.

Owns which change holds at once, which with the next start, and which a flag or a variable
stands against. What a value means is ``config.settings``'s; how it is written,
``config.settings_file``'s.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from airunner.config.settings import SETTINGS, Setting, Settings
from airunner.config.settings_file import SettingsFile
from airunner.config.values import show
from airunner.errors import AiRunnerError, SettingsError
from airunner.events import EventBus, SetupChanged
from airunner.runtime.capability_names import kept_capabilities, placed_capabilities
from airunner.runtime.core import RuntimeCore
from airunner.runtime.plain_values import plain_value
from airunner.runtime.team_fit import BUDGET_SETTINGS, budget_warning
from airunner.runtime.tool_supply import ToolSupply

LIVE = frozenset({"permissions"})
"""What holds from the moment at which it is changed; all else from the next start on."""

SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "Memory and devices": (
        *("max_memory", "reserve", "devices", "visible_gpus", "assign", "keep_in_memory"),
        *("threads", "engine", "engine_index", "llama_server"),
    ),
    "Conversations": (
        *("primary", "context", "max_tokens", "max_steps", "parallel", "kv_type"),
        *("chat_template", "queue_limit", "lease_timeout_s"),
        *("load_limit_s", "first_token_limit_s", "next_token_limit_s"),
    ),
    "Parked conversations": ("parking_memory", "parking_disk", "keep_parked"),
    "Tools": ("permissions", "tools", "core_tools", "tool_timeout_s", "mcp_config"),
    "Pictures": ("image_size", "image_dtype", "safety_checker", "allow_pickle"),
    "Folders and downloads": (
        *("home", "files", "pictures", "config", "parallel_downloads", "offline"),
    ),
}
"""The settings in an order for people."""

_KINDS = {
    "SIZE": "size",
    "N": "integer",
    "SECONDS": "seconds",
    "DIR": "folder",
    "FILE": "file",
    "WxH": "pixels",
}


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """A setting, as it is and as it will be.

    Attributes:
        subject: what it is about, one of ``SUBJECTS``.
        kind: how it is written: ``switch``, ``choice`` (of ``options``), ``size``, ``integer``,
            ``seconds``, ``folder``, ``file``, ``pixels``, ``names``, ``table`` or ``text``.
        value: what holds now, in words.
        data: the same as JSON has it: bytes, a truth value, names, pairs; ``None`` for none.
        origin: where that came from.
        default: what would hold if nobody had said anything, in words.
        in_file: what the file says now, in words; ``None`` if it says nothing.
        pending: whether another value holds from the next start on.
        overridden_by: the flag or variable that wins over the file, empty for none.
        needs_restart: whether a change waits for the next start.
        changeable: whether the file may hold it.
    """

    name: str
    subject: str
    kind: str
    options: tuple[str, ...]
    help: str
    flag: str
    variable: str
    metavar: str
    value: str
    data: Any
    origin: str
    default: str
    in_file: str | None
    pending: bool
    overridden_by: str
    needs_restart: bool
    changeable: bool


class SettingsService:
    """The settings of a core, and its file. Every method may be called from any thread."""

    def __init__(self, core: RuntimeCore) -> None:
        self._core = core
        self.file = SettingsFile(core.settings)

    def all(self) -> list[ShownSetting]:
        """Every setting.

        Raises:
            SettingsError: the file was changed meanwhile, and cannot be read.
        """
        written, defaults = self.file.values(), Settings()
        return [self._shown(setting, written, defaults) for setting in SETTINGS.values()]

    def change(
        self, changes: Mapping[str, object], held: Collection[str] = LIVE
    ) -> list[ShownSetting]:
        """Write values into the file, all or none; ``None`` takes one out. Returns those.

        ``held`` are names of which the new value holds already.

        Raises:
            SettingsError: a name or value cannot be used; it says which, and why.
            StorageError: the file cannot be written.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        parsed = {name: self.file.parsed(name, value) for name, value in given.items()}
        self._check(parsed)
        self.file.change(changes)
        for name in set(held) & changes.keys():
            if not self.overridden_by(name):
                self._hold(name, parsed.get(name))
        for what in {"permissions" if name in LIVE else "settings" for name in changes}:
            self._core.bus.publish(SetupChanged(what=what))
        return [each for each in self.all() if each.name in changes]

    def warning(self, names: Collection[str]) -> str:
        """What the next start will lack after a change of ``names``, in words; empty for nothing.

        Raises:
            SettingsError: the file was changed meanwhile, and cannot be read.
        """
        if not BUDGET_SETTINGS & set(names):
            return ""
        written, defaults, known = self.file.values(), Settings(), self._core.settings
        coming: dict[str, Any] = {
            name: written.get(name, getattr(defaults, name))
            for name in BUDGET_SETTINGS
            if not self.overridden_by(name)
        }
        return budget_warning(dataclasses.replace(known, **coming))

    def overridden_by(self, name: str) -> str:
        """The flag or variable that wins over the file; empty for none."""
        origin = self._core.settings.origins[name]
        wins = origin == SETTINGS[name].variable or origin.startswith("flag ") or origin == "code"
        return origin if wins else ""

    def _hold(self, name: str, value: Any) -> None:
        settings, origin = self._core.settings, self.file.origin
        if value is None:
            value, origin = getattr(Settings(), name), "default"
        origins = {**settings.origins, name: origin}
        values: dict[str, Any] = {name: value, "origins": origins}
        # What programs beside the server compare their own with.
        self._core.settings = dataclasses.replace(settings, **values)
        self._core.permissions.replace(self._core.settings.permissions)

    def _check(self, parsed: Mapping[str, Any]) -> None:
        """Refuse what could be written but would keep the next start from beginning."""
        core, origin = self._core, self.file.origin
        settings = dataclasses.replace(
            core.settings,
            **parsed,
            origins={**core.settings.origins, **dict.fromkeys(parsed, origin)},
        )

        def check(name: str, step: Callable[[], object]) -> None:
            try:
                step()
            except SettingsError:
                raise
            except AiRunnerError as error:
                raise SettingsError(name, show(parsed[name], ""), origin, str(error)) from error

        if "primary" in parsed:
            check("primary", partial(core.catalog.spec, parsed["primary"]))
        kept_capabilities(settings)
        for device in placed_capabilities(settings).values() if "assign" in parsed else ():
            check("assign", partial(core.hardware.report.find, device))
        if {"tools", "mcp_config"} & parsed.keys():
            ToolSupply(settings, EventBus())

    def _shown(
        self, setting: Setting, written: Mapping[str, Any], defaults: Settings
    ) -> ShownSetting:
        name, metavar, known = setting.name, setting.metavar, self._core.settings
        overridden = self.overridden_by(name)
        value, default = known.shown(name), defaults.shown(name)
        in_file = show(written[name], metavar) if name in written else None
        next_time = value if overridden or not setting.in_file else in_file or default
        kind, options = _kind(setting)
        return ShownSetting(
            name=name,
            subject=next(subject for subject, names in SUBJECTS.items() if name in names),
            kind=kind,
            options=options,
            help=setting.help,
            flag=setting.flag,
            variable=setting.variable,
            metavar=metavar,
            value=value,
            data=plain_value(getattr(known, name)),
            origin=known.origins[name],
            default=default,
            in_file=in_file,
            pending=next_time != value,
            overridden_by=overridden,
            needs_restart=name not in LIVE,
            changeable=setting.in_file,
        )


def _kind(setting: Setting) -> tuple[str, tuple[str, ...]]:
    metavar = setting.metavar
    if setting.is_switch:
        return "switch", ()
    if "|" in metavar:
        return "choice", tuple(metavar.split("|"))
    if metavar.endswith(",..."):
        return ("table" if "=" in metavar else "names"), ()
    return _KINDS.get(metavar, "text"), ()
