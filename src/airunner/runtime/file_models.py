"""What the configuration file adds to the catalogue: ``[models]`` and ``[capabilities]``.

Owns putting both into the one catalogue of this process, taking back what another file put
there before, and changing the file. What a table may say is ``airunner.models.model_table``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from airunner.components.llm.config.model_capabilities import CAPABILITY_TO_MODEL, MODEL_REGISTRY
from airunner.config.settings import Settings
from airunner.config.toml_file import TomlFile, read_toml, write_entries
from airunner.errors import SettingsError, UnknownModelError, UnsuitedModelError
from airunner.models.catalog import Catalog
from airunner.models.engine_traits import EngineTraits
from airunner.models.spec import ModelCapability, ModelSpec

MODELS, CAPABILITIES = "models", "capabilities"

_lock = threading.RLock()
_undo: list[Callable[[], None]] = []
_put: tuple[object, object] = ({}, {})


def open_catalog(
    settings: Settings,
    engines: Mapping[str, EngineTraits],
    besides: Collection[ModelCapability] = (),
) -> Catalog:
    """The catalogue, with what the configuration file says now.

    The file's entries are in ``MODEL_REGISTRY`` and ``CAPABILITY_TO_MODEL`` afterwards, and
    win over entries of the same name. What it says of the capabilities ``besides`` is about
    to be replaced, and may be wrong.

    Raises:
        SettingsError: the file says something that cannot be; the message names the line.
    """
    global _put
    catalog = Catalog(MODEL_REGISTRY, CAPABILITY_TO_MODEL, engines)
    with _lock:
        file = read_toml(settings.file)
        wanted = (file.content.get(MODELS, {}), file.content.get(CAPABILITIES, {}))
        if wanted == _put:
            return catalog
        models = _models(file, engines)
        mapping = _mapping(file, models, besides)
        _take_back()
        for name, spec in models.items():
            _set(MODEL_REGISTRY, name, spec)
        for capability, name in mapping.items():
            _set(CAPABILITY_TO_MODEL, capability, name)
        _put = wanted
    return catalog


def assigned_models(settings: Settings) -> dict[ModelCapability, str]:
    """The models that the file wants for capabilities, whatever else would suit.

    Raises:
        SettingsError: the file is no TOML.
    """
    known = Catalog(MODEL_REGISTRY, {}, {})
    found = {}
    for name, model in read_toml(settings.file).content.get(CAPABILITIES, {}).items():
        found[ModelCapability(name)] = str(model)
        with suppress(UnknownModelError):  # by another process, after this one has read the file
            found[ModelCapability(name)] = known.spec(str(model)).model_path
    return found


def added_models(settings: Settings) -> set[str]:
    """The names of the models that the file adds.

    Raises:
        SettingsError: the file is no TOML.
    """
    return set(read_toml(settings.file).content.get(MODELS, {}))


def add_models(settings: Settings, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Write tables of ``[models]`` into the file and register what they mean. All or none.

    Raises:
        SettingsError: one says what cannot be, or the file does already.
        StorageError: the file cannot be written.
    """
    from airunner.engines.known import known_engines

    engines = known_engines().traits
    with _lock:
        open_catalog(settings, engines)  # what is wrong with the file is told of the file
        proposed = TomlFile(settings.file, False, "", {MODELS: dict(tables)})
        _models(proposed, engines)
        write_entries(settings.file, {(MODELS, n): dict(t) for n, t in tables.items()})
        open_catalog(settings, engines)


def remove_model(settings: Settings, name: str) -> bool:
    """Take a model out of the file, with the capabilities assigned to it; whether it was there.

    Raises:
        SettingsError, StorageError: see ``add_models``.
    """
    from airunner.engines.known import known_engines

    with _lock:
        content = read_toml(settings.file).content
        if name not in content.get(MODELS, {}):
            return False
        entries: dict[tuple[str, str], Any] = {(MODELS, name): None}
        assigned = assigned_models(settings)
        entries |= {(CAPABILITIES, c.value): None for c, m in assigned.items() if m == name}
        write_entries(settings.file, entries)
        open_catalog(settings, known_engines().traits)
        return True


def assign_models(settings: Settings, chosen: Mapping[ModelCapability, str | None]) -> None:
    """Have models serve capabilities from now on, kept in the file; ``None`` is the default.

    Raises:
        UnknownModelError: a model is not registered.
        UnsuitedModelError: it is not registered for the capability.
        SettingsError, StorageError: see ``add_models``.
    """
    from airunner.engines.known import known_engines

    with _lock:
        catalog = open_catalog(settings, known_engines().traits)
        named = {
            capability: model and catalog.spec_for(capability, model).model_path
            for capability, model in chosen.items()
        }
        entries = {(CAPABILITIES, c.value): model for c, model in named.items()}
        write_entries(settings.file, entries)
        open_catalog(settings, catalog.engines)


def forget_wrong_assignment(settings: Settings, capability: ModelCapability) -> None:
    """Take what the file has for a capability out of it, if that cannot be.

    Raises:
        SettingsError: something else in the file cannot be, either.
        StorageError: the file cannot be written.
    """
    from airunner.engines.known import known_engines

    engines = known_engines().traits
    with _lock:
        try:
            open_catalog(settings, engines)
        except SettingsError:
            open_catalog(settings, engines, {capability})
            write_entries(settings.file, {(CAPABILITIES, capability.value): None})


def _models(file: TomlFile, engines: Mapping[str, EngineTraits]) -> dict[str, ModelSpec]:
    tables = file.content.get(MODELS, {})
    if not isinstance(tables, Mapping):
        raise SettingsError(MODELS, tables, file.origin([MODELS]), "must be a table of models")
    found = {name: _model(file, name, table, engines) for name, table in tables.items()}
    known = Catalog({**MODEL_REGISTRY, **found}, {}, engines)
    for name, spec in found.items():
        for problem in known.problems_of(spec):
            raise SettingsError(f"{MODELS}.{name}", "...", _origin(file, [MODELS, name]), problem)
    return found


def _model(
    file: TomlFile, name: str, table: object, engines: Mapping[str, EngineTraits]
) -> ModelSpec:
    from airunner.models.model_table import spec_of_table  # which takes pydantic

    read = spec_of_table(name, table, file.path.parent, engines)
    if isinstance(read, ModelSpec):
        return read
    first = read[0]
    keys = ".".join(map(str, (MODELS, f'"{name}"', *first.keys)))
    origin = _origin(file, [MODELS, name, *first.keys])
    value = "..." if isinstance(first.value, Mapping) else first.value
    raise SettingsError(keys, value, origin, first.problem)


def _mapping(
    file: TomlFile, models: Mapping[str, ModelSpec], besides: Collection[ModelCapability]
) -> dict[ModelCapability, str]:
    table = file.content.get(CAPABILITIES, {})
    if not isinstance(table, Mapping):
        problem = 'must be a table, such as translation = "publisher/name"'
        raise SettingsError(CAPABILITIES, table, file.origin([CAPABILITIES]), problem)
    found: dict[ModelCapability, str] = {}
    known = Catalog({**MODEL_REGISTRY, **models}, {}, {})
    for name, model in table.items():
        key, origin = f"{CAPABILITIES}.{name}", file.origin([CAPABILITIES, name])
        if name in besides:
            continue
        if name not in set(ModelCapability):
            names = ", ".join(c.value for c in ModelCapability)
            raise SettingsError(key, model, origin, f"no such capability; there is {names}")
        capability = ModelCapability(name)
        try:
            found[capability] = known.spec_for(capability, str(model)).model_path
        except UnknownModelError as error:
            near = f"; did you mean {' or '.join(error.suggestions)}?" if error.suggestions else ""
            raise SettingsError(key, model, origin, f"no such model is registered{near}") from None
        except UnsuitedModelError:
            problem = f"{model} is not registered for {name}"
            raise SettingsError(key, model, origin, problem) from None
    return found


def _origin(file: TomlFile, keys: list[str | int]) -> str:
    return file.origin(keys) if file.exists else "what is to be added"


def _set(table: dict[Any, Any], key: Any, value: Any) -> None:
    """Set an entry; ``_take_back`` restores what was there, if nobody changed it since."""
    before = table.get(key)
    table[key] = value

    def undo() -> None:
        if table.get(key) is not value:
            return
        if before is None:
            del table[key]
        else:
            table[key] = before

    _undo.append(undo)


def _take_back() -> None:
    while _undo:
        _undo.pop()()
