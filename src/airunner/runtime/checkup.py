"""The examination behind ``airunner doctor``, and behind the page's.

Owns what is looked at, what counts as a problem, and what a call can do about it. Changes
nothing but to make the home folder, which every other command would make as well.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from airunner import __version__
from airunner.components.llm.config.model_capabilities import (
    EMBEDDED_PRIMARY,
    MODEL_REGISTRY,
)
from airunner.config.byte_size import MIB, format_bytes
from airunner.config.settings import SETTINGS, Settings
from airunner.devices.budget import budgets
from airunner.devices.device import Device
from airunner.engines.descriptor import Installation
from airunner.engines.known import known_engines
from airunner.errors import AiRunnerError, DeviceNotFoundError, InvalidCatalogError, SettingsError
from airunner.errors.pasted import pasted
from airunner.events import EventBus
from airunner.models.catalog import Catalog
from airunner.models.spec import ModelCapability
from airunner.models.toys import toy_words
from airunner.runtime.file_models import assigned_models, open_catalog
from airunner.runtime.hardware import Hardware
from airunner.runtime.home import MEMORY_FILE_SYSTEM
from airunner.runtime.team_fit import TeamFit
from airunner.toolbox.extras import missing_extras
from airunner.weights.disk_space import free_bytes_at
from airunner.weights.local import gone_path, gone_words, stored_bytes
from airunner.weights.store import ModelStore, open_store

LOW_DISK_BYTES = 512 * MIB


@dataclass(frozen=True, slots=True)
class Fix:
    """What a call can do about a problem.

    Attributes:
        label: what it does, for a button.
        settings: other values for settings, from the next start on.
        fetch: the model whose weights are fetched, empty for none.
    """

    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    fetch: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong, and what to do about it; ``id`` is the same every time."""

    id: str
    what: str
    remedy: str
    prevents_running: bool
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, what it is for, and the bytes free there.

    ``quota_bytes`` is what may be used, as the setting ``quota`` says.
    """

    purpose: str
    path: Path
    free_bytes: int | None
    quota_bytes: int | None = None
    quota: str = ""


def examine(settings: Settings, wrong: Sequence[SettingsError] = ()) -> dict[str, Any]:
    """Look at everything a run needs; what was found, ready for JSON.

    Sizes are bytes, ``None`` where unknown. ``ok`` says that nothing prevents running.
    ``wrong`` is what ``settings`` had to leave out.
    """
    engines = known_engines()
    # Each starts a process to see whether it works; all else is looked at meanwhile.
    pool = ThreadPoolExecutor(1)
    examined = pool.submit(lambda: [engine.examine(settings) for engine in engines.values()])
    hardware = Hardware(settings, engines)
    shown = settings
    try:
        catalog = open_catalog(settings, engines.traits)
    except SettingsError as error:
        if str(error) not in map(str, wrong):
            wrong = (*wrong, error)
        # What reads the file again finds none.
        settings = settings.replace(config=settings.home / "left-out.toml")
        catalog = open_catalog(settings, engines.traits)
    store = open_store(settings.replace(offline=True), catalog, EventBus())
    home_problems = list(_home_problems(settings.home))
    weights = list(_weights(store))
    known = budgets(hardware.report.devices, settings.max_memory, settings.reserve)
    places = _places(settings)
    installations = examined.result()
    pool.shutdown()
    problems = (
        *_settings_problems(wrong),
        *_engine_problems(installations, engines.refused),
        *home_problems,
        *_catalog_problems(catalog),
        *_device_problems(hardware.devices, known),
        *_placing_problems(settings, hardware),
        *_weights_problems(settings, store, TeamFit(settings, engines, catalog, store, hardware)),
        *_space_problems(places),
    )
    return {
        "ok": not any(problem.prevents_running for problem in problems),
        "version": __version__,
        "engine": ", ".join(one.name for one in installations),
        "n_threads": hardware.n_threads,
        "settings": [
            {
                "name": name,
                "shown": shown.shown(name),
                "origin": shown.origins[name],
                "help": setting.help,
            }
            for name, setting in SETTINGS.items()
        ],
        "assigned": _assigned(settings),
        "devices": [_shown_device(each, known[each.id]) for each in hardware.report.devices],
        "weights": weights,
        "places": [asdict(place) for place in places],
        "notes": (*hardware.report.notes, *missing_extras()),
        "problems": [asdict(problem) for problem in problems],
    }


def _settings_problems(wrong: Iterable[SettingsError]) -> Iterator[Problem]:
    for number, error in enumerate(wrong, 1):
        remedy = "Correct it there, or take it out; until then only this command runs."
        yield Problem(f"settings-{number}", str(error), remedy, True)


def _engine_problems(
    installations: Iterable[Installation], refused: Mapping[str, str]
) -> Iterator[Problem]:
    all_found = (found for installation in installations for found in installation.problems)
    for number, found in enumerate(all_found, 1):
        yield Problem(f"engine-{number}", found.what, found.remedy, found.prevents_running)
    for engine, problem in refused.items():
        what = f"The engine {engine} is left out: {problem}"
        remedy = "Update or remove the package that brings it."
        yield Problem(f"engine-left-out-{engine}", what, remedy, False)


def _home_problems(home: Path) -> Iterator[Problem]:
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        remedy = "Make it writable, or choose another with --home or AIRUNNER_HOME."
        what = f"The home folder {home} cannot be written: {error.strerror}"
        yield Problem("home", what, remedy, True)


def _catalog_problems(catalog: Catalog) -> Iterator[Problem]:
    try:
        catalog.validate()
    except InvalidCatalogError as error:
        remedy = "Correct it in components/llm/config/model_capabilities.py."
        for number, problem in enumerate(error.problems, 1):
            yield Problem(f"registry-{number}", f"The model registry: {problem}", remedy, True)


def _device_problems(usable: tuple[Device, ...], known: dict[str, int | None]) -> Iterator[Problem]:
    for device_id, budget_bytes in known.items():
        if budget_bytes is None:
            what = f"{device_id} is not used, because how much memory it has is unknown."
            remedy = f"Say how much to use: --devices {device_id}=4GB"
            yield Problem(f"device-{device_id}", what, remedy, False)
    if not usable:
        remedy = "Give --max-memory, for example 4GB."
        yield Problem("no-device", "No device can be used.", remedy, True)


def _placing_problems(settings: Settings, hardware: Hardware) -> Iterator[Problem]:
    for capability, device in settings.assign:
        try:
            hardware.report.find(device)
        except DeviceNotFoundError as error:
            what = f"{capability} was placed on a device that there is not: {error}"
            fix = Fix("Place nothing", {"assign": None})
            remedy = "Place it on one of these with --assign, or leave it out."
            yield Problem(f"{capability}-placed", what, remedy, True, fix)


def _weights_problems(settings: Settings, store: ModelStore, team: TeamFit) -> Iterator[Problem]:
    """The primary must be here or to be had; of the team, all that is used must fit."""
    try:
        primary = team.serving(ModelCapability.PRIMARY_CONVERSATION)
    except AiRunnerError as error:
        remedy = "Map the capability to a registered model."
        yield Problem("no-primary", str(error), remedy, True)
        return
    if not store.seems_here(primary) and gone_path(primary) is None:
        what = f"The weights of {primary.model_path} are not on this machine"
        if settings.offline:
            command = pasted("airunner", "models", "pull", primary.model_path)
            remedy = f"Fetch them once online: {command}"
            allow = Fix("Allow it to fetch", {"offline": False})
            what = f"{what}, and --offline forbids to fetch them."
            yield Problem("primary-missing", what, remedy, True, allow)
        else:
            fetch = Fix("Fetch them now", fetch=primary.model_path)
            what = f"{what}; the first run fetches them."
            yield Problem("primary-missing", what, "Nothing to do.", False, fetch)
    yield from _gone_problems(store.catalog)
    yield from _fit_problems(settings, team)
    if primary.is_toy:
        is_embedded = primary.model_path == EMBEDDED_PRIMARY
        yield Problem(
            "embedded-primary" if is_embedded else "small-primary",
            f"The model that talks is {toy_words(primary, is_embedded)}",
            "`airunner setup` gets the team that this machine can run.",
            False,
        )


def _gone_problems(catalog: Catalog) -> Iterator[Problem]:
    for name, spec in catalog.registry.items():
        if (gone := gone_path(spec)) is not None:
            command = pasted("airunner", "models", "remove", name)
            remedy = f"Put it back, or `{command}` forgets the model."
            what = f"{name} cannot be used: {gone_words(gone)}."
            yield Problem(f"gone-{name}", what, remedy, False)


def _fit_problems(settings: Settings, team: TeamFit) -> Iterator[Problem]:
    for found in team.too_large():
        remedy = "Raise --max-memory, close other programs, "
        if found.kept:
            remedy += "keep fewer models in memory with --keep-in-memory, "
        if found.device:
            remedy += "place it elsewhere with --assign, "
        fix = None
        if found.is_primary:
            choose = "with --primary"
            if settings.primary is not None:
                fix = Fix("Choose another", {"primary": None})
        else:
            command = pasted("airunner", "assign", found.capabilities[0].value, "MODEL")
            choose = f"with `{command}`"
        remedy += f"or choose a smaller one {choose}; lowering --context saves memory too."
        id = f"{found.capabilities[0].value}-too-large"
        yield Problem(id, str(found), remedy, False, fix)
    if (error := team.kept_too_many()) is not None:
        names = ", ".join(settings.keep_in_memory)
        what = (
            f"What stays in memory ({names}) does not fit beside the model that talks: "
            f"{error.model} takes {format_bytes(error.needed_bytes)}, and of the budget of "
            f"{format_bytes(error.budget_bytes)} {format_bytes(max(0, error.free_bytes))} are left."
        )
        remedy = "Keep fewer with --keep-in-memory, lower --context, or raise --max-memory."
        fix = Fix("Keep none in memory", {"keep_in_memory": None})
        yield Problem("kept-too-large", what, remedy, True, fix)


def _space_problems(places: tuple[Place, ...]) -> Iterator[Problem]:
    for place in places:
        if place.free_bytes is None:
            yield Problem(
                "no-memory-file-system",
                f"There is no {place.path} to keep conversations in memory.",
                "Nothing to do: they are parked on disk, which is slower.",
                False,
            )
        elif place.free_bytes < (place.quota_bytes or LOW_DISK_BYTES):
            what = f"{place.path} ({place.purpose}) has only {format_bytes(place.free_bytes)} free"
            fix = None
            if place.quota_bytes:
                what += f" of the {format_bytes(place.quota_bytes)} that may be used"
                room = place.free_bytes // 2
                fix = Fix(f"Use {format_bytes(room)} of it at most", {place.quota: room})
            id = f"space-{place.purpose.replace(' ', '-')}"
            yield Problem(id, f"{what}.", "Free some space, or move AIRUNNER_HOME.", False, fix)


def _places(settings: Settings) -> tuple[Place, ...]:
    in_memory = free_bytes_at(MEMORY_FILE_SYSTEM) if MEMORY_FILE_SYSTEM.is_dir() else None
    on_disk = free_bytes_at(settings.home)
    quotas = ("parking_memory", "parking_disk")
    memory, disk = (getattr(settings, name) for name in quotas)
    return (
        Place("home", settings.home, on_disk),
        Place("parking in memory", MEMORY_FILE_SYSTEM, in_memory, memory, quotas[0]),
        Place("parking on disk", settings.home / "parked", on_disk, disk, quotas[1]),
    )


def _weights(store: ModelStore) -> Iterator[dict[str, Any]]:
    for name, spec in MODEL_REGISTRY.items():
        with suppress(AiRunnerError, OSError):  # what cannot be read counts as absent
            if path := store.path(spec):
                yield {"model": name, "path": path, "file_bytes": stored_bytes(path)}


def _assigned(settings: Settings) -> dict[str, str]:
    """The models that `airunner assign` chose, by capability."""
    return {capability.value: model for capability, model in assigned_models(settings).items()}


def _shown_device(device: Device, budget_bytes: int | None) -> dict[str, Any]:
    shown = ("id", "kind", "name", "total_bytes", "free_bytes", "note")
    return {name: getattr(device, name) for name in shown} | {"budget_bytes": budget_bytes}
