"""What the user asked for: one frozen ``Settings``, and where each value came from.

Nothing else than this package reads environment variables or a configuration
file. A setting is declared once, as a field of :class:`Settings`; its flag
(``--max-memory``), its variable (``AIRUNNER_MAX_MEMORY``), its key in the file
(``max_memory``) and its line in ``airunner doctor`` all follow from that.

A flag wins over the environment, the environment over the file, the file over
the default. At most one file is read:

1. the one named by ``--config`` or ``AIRUNNER_CONFIG``, which must exist;
2. else ``config.toml`` in the home folder, if ``--home`` or ``AIRUNNER_HOME``
   names one (a home of one's own is complete and ignores the user's file);
3. else ``airunner/config.toml`` in the user's configuration folder.

What a value means for this machine (how much memory a budget leaves, which
devices exist) is decided in ``airunner.devices``, not here.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

from airunner.config import default_folders
from airunner.config.byte_size import GIB, MILLION
from airunner.config.given_values import config_file, gather
from airunner.config.setting import Setting as Setting
from airunner.config.setting import attributes, declarations
from airunner.config.values import (
    choice,
    device_assignments,
    device_budgets,
    existing_file,
    folder,
    integer,
    names,
    names_or,
    or_auto,
    path,
    permission_rules,
    pixels,
    seconds,
    show,
    size,
    suggestion,
    switch,
    text,
)
from airunner.errors import SettingsError

KvType = Literal["f16", "q8_0", "q4_0"]
ImageDtype = Literal["auto", "float32", "float16", "bfloat16"]
_ROCM_BUILDS = ("rocm", "rocm-7.2.4", "rocm-6.4.1")
ENGINE_BUILDS = ("auto", "cpu", "cu132", "cu128", *_ROCM_BUILDS, "vulkan", "metal")
"""What the user may ask for; the builds themselves are the engine's."""
_OF_THE_USER = ("pictures", "files")
"""Folders that are the user's own by default; a user without any has them in ``home``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a user can choose. Sizes are bytes, durations seconds.

    ``origins`` says for every setting where its value came from: ``"default"``,
    ``"flag --max-memory"``, ``"AIRUNNER_MAX_MEMORY"``, ``"config.toml (<path>)"``,
    or ``"code"`` for a value given to ``Settings`` itself or to :meth:`replace`. Values may be
    text, as in a file: ``Settings(max_memory="6GB")``.
    """

    config: Annotated[
        Path | None,
        Setting(path, "configuration file; the one that was read", "FILE", in_file=False),
    ] = None
    home: Annotated[Path, Setting(folder, "folder of weights, conversations and logs", "DIR")] = (
        field(default_factory=default_folders.default_home)
    )
    primary: Annotated[
        str | None, Setting(text, "registered model that holds the conversation", "MODEL")
    ] = None
    max_memory: Annotated[
        int | None,
        Setting(
            size(MILLION), "memory to use on each preferred device: 600MB, 6.5GiB, 8 (GB)", "SIZE"
        ),
    ] = None
    reserve: Annotated[
        int | None,
        Setting(
            size(),
            "memory left free for others where max_memory does not apply "
            "(default: a tenth of the device, at least 512 MiB)",
            "SIZE",
        ),
    ] = None
    devices: Annotated[
        tuple[tuple[str, int | None], ...],
        Setting(
            device_budgets,
            "devices to use, best first, each with a budget if wanted: cpu:0=600MB,cpu:1=400MB; "
            "RAM stands in for those this machine does not have",
            "ID=SIZE,...",
        ),
    ] = ()
    visible_gpus: Annotated[
        str | None,
        Setting(text, "NVIDIA GPUs to use, as CUDA reads it", "LIST", "CUDA_VISIBLE_DEVICES"),
    ] = None
    assign: Annotated[
        tuple[tuple[str, str], ...],
        Setting(
            device_assignments,
            "capabilities placed on a device: summarization=cpu:1",
            "CAPABILITY=ID,...",
        ),
    ] = ()
    keep_in_memory: Annotated[
        tuple[str, ...],
        Setting(names, "capabilities whose models stay loaded", "CAPABILITY,..."),
    ] = ()
    context: Annotated[
        int | Literal["auto"],
        Setting(
            or_auto(integer(256)),
            "tokens per conversation, if model and memory allow; auto: 8192, or more by memory",
            "N",
        ),
    ] = "auto"
    parallel: Annotated[
        int | Literal["auto"],
        Setting(
            or_auto(integer(1)),
            "answers that are computed together; auto: 1, or in a server 4 that share a context",
            "N",
        ),
    ] = "auto"
    kv_type: Annotated[
        KvType,
        Setting(choice("f16", "q8_0", "q4_0"), "type of the KV cache", "f16|q8_0|q4_0"),
    ] = "f16"
    threads: Annotated[
        int | None,
        Setting(integer(1), "CPU threads for all engines together (default: all allowed)", "N"),
    ] = None
    llama_server: Annotated[
        Path | None,
        Setting(existing_file, "your own llama-server, used instead of the bundled one", "FILE"),
    ] = None
    engine: Annotated[
        str,
        Setting(
            choice(*ENGINE_BUILDS),
            "build of the bundled engine that `airunner engine` and `airunner setup` install; "
            "auto is the best for this machine's GPU",
            "BUILD",
        ),
    ] = "auto"
    engine_index: Annotated[
        str | None,
        Setting(
            text,
            "address below which each GPU build of the engine has its index "
            "(default: its publisher's)",
            "URL",
        ),
    ] = None
    chat_template: Annotated[
        Path | None,
        Setting(existing_file, "Jinja chat template instead of a conversation model's own", "FILE"),
    ] = None
    parking_memory: Annotated[
        int, Setting(size(), "host memory for the state of parked conversations", "SIZE")
    ] = GIB
    parking_disk: Annotated[
        int, Setting(size(), "disk for the state of parked conversations", "SIZE")
    ] = 8 * GIB
    keep_parked: Annotated[
        bool,
        Setting(switch, "keep conversations' state on disk from one run to the next"),
    ] = True
    queue_limit: Annotated[int, Setting(integer(1), "requests that may wait for a model", "N")] = (
        256
    )
    lease_timeout_s: Annotated[float, Setting(seconds, "longest wait for a model", "SECONDS")] = (
        600.0
    )
    load_limit_s: Annotated[
        float, Setting(seconds, "longest loading of a model, beyond what its size takes", "SECONDS")
    ] = 300.0
    first_token_limit_s: Annotated[
        float, Setting(seconds, "longest silence before an answer, beyond its prompt", "SECONDS")
    ] = 180.0
    next_token_limit_s: Annotated[
        float, Setting(seconds, "longest silence within an answer", "SECONDS")
    ] = 120.0
    tool_timeout_s: Annotated[
        float, Setting(seconds, "how long a tool may run without telling how far it is", "SECONDS")
    ] = 120.0
    permissions: Annotated[
        tuple[tuple[str, str], ...],
        Setting(
            permission_rules,
            "which tool calls to allow, ask about or deny: @network=allow,"
            "write_file(path=notes/*)=allow",
            "CALL=DECISION,...",
        ),
    ] = ()
    tools: Annotated[
        tuple[str, ...],
        Setting(
            names,
            "toolsets to use, as `airunner tools list` names them; -NAME leaves one out; none "
            "(default: all)",
            "NAME,...",
        ),
    ] = ()
    core_tools: Annotated[
        tuple[str, ...],
        Setting(
            names_or("all"),
            "tools that every prompt shows, beside the search for the others; all: each of them "
            "(default: eight that `airunner tools list` marks)",
            "TOOL,...",
        ),
    ] = ()
    mcp_config: Annotated[
        Path | None,
        Setting(existing_file, "MCP servers to use (default: mcp.json in the home folder)", "FILE"),
    ] = None
    max_steps: Annotated[int, Setting(integer(1), "answers with tool calls in one turn", "N")] = 8
    max_tokens: Annotated[int, Setting(integer(1), "longest answer, in tokens", "N")] = 1024
    pictures: Annotated[Path, Setting(folder, "folder where pictures are saved", "DIR")] = field(
        default_factory=default_folders.default_pictures
    )
    files: Annotated[Path, Setting(folder, "folder whose files tools may use", "DIR")] = field(
        default_factory=default_folders.default_files
    )
    image_dtype: Annotated[
        ImageDtype,
        Setting(
            choice("auto", "float32", "float16", "bfloat16"),
            "what image models compute in; auto is 16 bits on a GPU, and on the CPU only "
            "where 32 do not fit",
            "auto|float32|float16|bfloat16",
        ),
    ] = "auto"
    image_size: Annotated[
        tuple[int, int] | None,
        Setting(
            pixels,
            "largest picture that memory is planned for; default: the image model's own size",
            "WxH",
        ),
    ] = None
    allow_pickle: Annotated[
        bool, Setting(switch, "load image checkpoints in pickle formats, which can run any code")
    ] = False
    safety_checker: Annotated[
        bool, Setting(switch, "let an image model's own checker, if it has one, blank pictures")
    ] = False
    parallel_downloads: Annotated[
        int, Setting(integer(1), "models fetched at the same time", "N")
    ] = 2
    offline: Annotated[bool, Setting(switch, "never fetch anything")] = False

    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Read what was given here as ``load`` does; raises ``SettingsError``."""
        if not self.origins:
            given = {e.name: getattr(self, e.name) for e in fields(self) if e.name in SETTINGS}
            given = {n: v for n, v in given.items() if v != _DEFAULTS[n] and type(v) is not _PATH}
            for name, value in given.items():
                object.__setattr__(self, name, parse_setting(name, value, "code"))
            object.__setattr__(self, "origins", dict.fromkeys(given, "code"))
        for name in _OF_THE_USER:
            if getattr(self, name) == default_folders.NOWHERE:
                object.__setattr__(self, name, self.home / name)
        known = {name: self.origins.get(name, "default") for name in SETTINGS}
        object.__setattr__(self, "origins", MappingProxyType(known))

    @classmethod
    def load(
        cls,
        flags: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Settings:
        """Settings from ``flags``, then ``environ`` (default: this process's), then the file.

        A flag that is ``None`` was not given, and an empty variable counts as
        unset, except for ``CUDA_VISIBLE_DEVICES``, which CUDA reads as "none".
        Flags are named as the fields are; values may be text or already of the
        field's type.

        Raises:
            SettingsError: a value, a key of the file or a flag's name is not usable, or the
                file cannot be read.
        """
        loaded = cls.load_sound(flags, environ)
        if loaded.wrong:
            raise loaded.wrong[0]
        return loaded.settings

    @classmethod
    def load_sound(
        cls,
        flags: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> LoadedSettings:
        """The same as ``load``, without what cannot be used, and what is wrong with that.

        Raises:
            SettingsError: there is no default for what is wrong, as this user has no home folder.
        """
        variables = os.environ if environ is None else environ
        found = gather(SETTINGS, parse_setting, flags or {}, variables)
        wrong = tuple(found.wrong)
        try:
            return LoadedSettings(cls(**found.values, origins=found.origins), wrong)
        except SettingsError as error:
            raise wrong[0] if wrong else error from None

    def replace(self, **changes: object) -> Settings:
        """A copy with ``changes``, whose origin is ``"code"``; ``None`` clears an optional one.

        Raises:
            SettingsError: a name or value is not usable.
        """
        parsed = {name: parse_setting(name, value, "code") for name, value in changes.items()}
        origins = {**self.origins, **dict.fromkeys(parsed, "code")}
        return dataclasses.replace(self, **parsed, origins=origins)

    @property
    def file(self) -> Path:
        """The configuration file that was read, or where one would be."""
        if self.config is not None:
            return self.config
        named = self.origins["home"] != "default" or self.home != default_folders.default_home()
        return config_file({"home": self.home} if named else {})

    def shown(self, name: str) -> str:
        """The value of setting ``name`` for people: sizes with units, ``-`` for none."""
        return show(getattr(self, name), SETTINGS[name].metavar)


class LoadedSettings(NamedTuple):
    """Settings, and what of flags, environment and file they had to leave out."""

    settings: Settings
    wrong: tuple[SettingsError, ...]


SETTINGS: Mapping[str, Setting] = MappingProxyType(declarations(Settings))
"""Every setting by name, in the order of their declaration."""

Settings.__doc__ = f"{Settings.__doc__}\n{attributes(SETTINGS)}"

_DEFAULTS = {entry.name: entry.default for entry in fields(Settings)}
_PATH = type(Path())
_OPTIONAL = {entry.name for entry in fields(Settings) if entry.default is None}


def parse_setting(name: str, value: object, origin: str) -> Any:
    """The value of a setting that is written as ``value``; raises ``SettingsError``."""
    if name not in SETTINGS:
        raise SettingsError(name, value, origin, f"no such setting{suggestion(name, SETTINGS)}")
    if value is None and name in _OPTIONAL:
        return None
    try:
        return SETTINGS[name].parse(value)
    except (ValueError, OverflowError) as problem:
        raise SettingsError(name, value, origin, str(problem)) from None
