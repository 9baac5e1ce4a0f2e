"""The right build of the bundled engine for this machine: chosen, installed, proven.

Owns the decision and what the user is told of it, a line for each step that matters.
``builds`` knows what each build needs, ``build_install`` how one replaces another.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from airunner.config.json_file import read_json
from airunner.config.settings import Settings
from airunner.devices.machine import Machine, probe_machine
from airunner.engines.descriptor import InstallationProblem
from airunner.engines.llama_cpp.build_install import BuildInstaller, Installed
from airunner.engines.llama_cpp.builds import BUILDS, Build, builds_named, choose
from airunner.errors import EngineBuildError

AUTO = "auto"
_FAILED = "engine-builds.json"

Tell = Callable[[str], None]


def fit_engine(
    settings: Settings,
    tell: Tell,
    machine: Machine | None = None,
    installer: BuildInstaller | None = None,
) -> bool:
    """Have the build that ``settings.engine`` asks for; whether another one was installed.

    With ``auto`` the best build that suits the machine is tried first, then the next; one
    that failed here is not tried again until it, the driver or the machine is another. The
    build that worked stays where none does. Blocks for as long as a download takes.

    Raises:
        EngineBuildError: the build that was asked for by its name cannot be used here; the
            one that worked stays.
    """
    if settings.llama_server is not None:
        tell(f"Your own llama-server is used: {settings.llama_server}")
        return False
    installer = installer or BuildInstaller(indexes=settings.engine_index)
    machine = machine or probe_machine()
    installed = installer.installed()
    if installed is None:
        raise EngineBuildError("installed", "no engine that starts is here; install AI Runner anew")
    if settings.engine == AUTO:
        return _fit(settings, tell, machine, installer, installed)
    return _install_named(settings, tell, machine, installer, installed)


def fitting_problem(
    settings: Settings, sees_gpus: bool, machine: Machine | None = None
) -> InstallationProblem | None:
    """That there is a GPU and a build for it, and another build is installed."""
    if settings.llama_server is not None or sees_gpus or settings.engine == "cpu":
        return None
    machine = machine or probe_machine()
    suitable = choose(machine).suitable
    if not suitable:
        return None
    name = machine.gpus[0].name
    return InstallationProblem(
        f"A GPU is here ({name}) and the engine is a CPU build.",
        f"Run `airunner engine`: it installs the build {suitable[0].name} and tries it.",
        prevents_running=False,
    )


def _fit(
    settings: Settings,
    tell: Tell,
    machine: Machine,
    installer: BuildInstaller,
    installed: Installed,
) -> bool:
    chosen = choose(machine)
    if not chosen.suitable:
        reason = "there is no GPU that it could use"
        if machine.gpus:
            lacking = "; ".join(f"{name}: {why}" for name, why in chosen.lacking.items())
            reason = f"none of the GPU builds can be used ({lacking})"
        tell(f"Engine: {_words(installed)}; {reason}.")
        return False
    failed = _Failed(settings.home, machine, installed.version)
    for build in chosen.suitable:
        if build.name == installed.build:
            tell(f"Engine: {_words(installed)}.")
            return False
        if settings.offline:
            tell(f"Engine: {_words(installed)}; --offline forbids to fetch {build.name}.")
            return False
        if (before := failed.reason(build)) is not None:
            tell(f"{build.name} failed here before and is left out: {before}")
            continue
        try:
            _replace(tell, installer, installed, build)
            return True
        except EngineBuildError as error:
            if error.tried:
                failed.note(build, error.problem)
            tell(f"{build.name} cannot be used: {error.problem}.")
    tell(f"Engine: {_words(installed)}, as before.")
    return False


def _install_named(
    settings: Settings,
    tell: Tell,
    machine: Machine,
    installer: BuildInstaller,
    installed: Installed,
) -> bool:
    named = builds_named(settings.engine)
    if installed.build in [build.name for build in named]:
        tell(f"Engine: {_words(installed)}.")
        return False
    lacking = {build.name: build.lacks(machine) for build in named}
    build = next((b for b in named if not lacking[b.name]), None)
    if build is None:
        raise EngineBuildError(settings.engine, lacking[named[0].name])
    if settings.offline:
        raise EngineBuildError(build.name, "--offline forbids to fetch it")
    _replace(tell, installer, installed, build)
    return True


def _replace(tell: Tell, installer: BuildInstaller, installed: Installed, build: Build) -> None:
    tell(f"Installing the engine's build {build.name} of {installed.version} ...")
    now = installer.install(build, installed.version)
    tell(f"Engine: {_words(now)}.")


def _words(installed: Installed) -> str:
    sees = f" that sees {', '.join(installed.gpus)}" if installed.gpus else ""
    kind = "CPU build" if not BUILDS[installed.build].sees else f"build {installed.build}"
    return f"{kind} of {installed.version}{sees}"


class _Failed:
    """Which builds failed on this machine as it is, kept in the home folder."""

    def __init__(self, home: Path, machine: Machine, version: str) -> None:
        self._file = home / _FAILED
        self._here = json.loads(json.dumps({"version": version, **asdict(machine)}))
        self._reasons: dict[str, str] = {}
        with suppress(OSError, ValueError, LookupError, TypeError):
            kept = read_json(self._file)
            if kept["machine"] == self._here:
                self._reasons = {str(k): str(v) for k, v in kept["failed"].items()}

    def reason(self, build: Build) -> str | None:
        """Why a build failed, ``None`` if it did not."""
        return self._reasons.get(build.name)

    def note(self, build: Build, problem: str) -> None:
        """Keep it for the next time; a home that cannot be written forgets it."""
        self._reasons[build.name] = problem
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"machine": self._here, "failed": self._reasons}, indent=1)
            self._file.write_text(text, "utf-8")
