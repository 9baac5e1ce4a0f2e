"""Installing a build of the bundled engine in place of another, and going back if it fails.

Owns the one installation of this Python environment. A build is first tried beside it: the
one that works is replaced only by one that was seen to start and to see its GPU, and is put
back if the replacement then fails.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airunner.config.json_file import read_json
from airunner.durations import format_seconds
from airunner.engines.llama_cpp.builds import BUILDS, INDEXES, PACKAGE, Build
from airunner.engines.llama_cpp.installation import DEVICES_SCRIPT, run
from airunner.errors import EngineBuildError
from airunner.errors.system_words import system_words

INSTALL_S, START_S = 1800.0, 300.0
"""Longest installation, and longest first start: a driver may have to compile code then."""

_MARK = "airunner-engine.json"
_FACTS = f"""\
import importlib.metadata as m, json, pathlib, sys
found = {{"prefix": sys.prefix}}
try:
    d = m.distribution("{PACKAGE}")
    record = [f for f in d.files or () if str(f).endswith(".dist-info/RECORD")]
    found["version"] = d.version
    found["files"] = [str(f.locate()) for f in d.files or ()]
    found["record"] = str(record[0].locate()) if record else ""
except m.PackageNotFoundError:
    pass
print(json.dumps(found))"""


@dataclass(frozen=True, slots=True)
class Installed:
    """What is installed: ``version`` without what a build adds to it, and the build's name.

    ``gpus`` are the GPUs that it sees, by the names that it gives them.
    """

    version: str
    build: str
    gpus: tuple[str, ...]


class BuildInstaller:
    """See the module's description.

    ``python`` is the environment's interpreter, ``indexes`` the address below which each GPU
    build has its index; ``environ`` is what pip is given.
    """

    def __init__(
        self,
        python: Path | None = None,
        indexes: str | None = None,
        environ: dict[str, str] | None = None,
    ) -> None:
        self._python = str(python or sys.executable)
        self._indexes = (indexes or INDEXES).rstrip("/")
        self._environ = dict(os.environ) if environ is None else environ

    def installed(self) -> Installed | None:
        """The engine as it is now; ``None`` if there is none that starts."""
        facts = self._facts()
        if "version" not in facts:
            return None
        try:
            gpus = self._gpus(None)
        except EngineBuildError:
            return None
        version = str(facts["version"])
        return Installed(version.partition("+")[0], self._build(facts, gpus), gpus)

    def install(self, build: Build, version: str) -> Installed:
        """Replace the installed build by another one of ``version``, proven to work.

        Blocks for as long as the download takes.

        Raises:
            EngineBuildError: it cannot be had, does not start or sees no GPU; what was
                installed before is installed again.
        """
        with tempfile.TemporaryDirectory(prefix="airunner-engine-") as folder:
            wheel = self._download(build, version, Path(folder) / "wheel")
            beside = Path(folder) / "beside"
            _unpack(build, wheel, beside)
            self._prove(build, beside)
            before = self._facts()
            kept = _copy(before.get("files", ()), Path(folder) / "before")
            try:
                # By its name: a file's path would stay noted as where it came from.
                place = ("--no-index", "--find-links", str(wheel.parent))
                wanted = f"{PACKAGE}=={version}"
                self._pip(build, "install", "--no-deps", "--force-reinstall", *place, wanted)
                gpus = self._prove(build, None)
            except BaseException:
                self._put_back(kept)
                raise
        facts = self._facts()
        self._mark(facts, build.name)
        return Installed(str(facts["version"]).partition("+")[0], build.name, gpus)

    def _download(self, build: Build, version: str, folder: Path) -> Path:
        place = ["--index-url", f"{self._indexes}/{build.name}"] if build.on_index else []
        wanted = ("--no-deps", "--only-binary", ":all:", "--dest", str(folder), *place)
        self._pip(build, "download", *wanted, f"{PACKAGE}=={version}")
        wheels = list(folder.glob("*.whl"))
        if len(wheels) != 1:
            raise EngineBuildError(build.name, f"its index gave {len(wheels)} wheels")
        return wheels[0]

    def _prove(self, build: Build, beside: Path | None) -> tuple[str, ...]:
        """Start it and have it name its GPUs.

        Raises:
            EngineBuildError: it does not start, or sees none of its kind.
        """
        gpus = self._gpus(beside, build.name)
        if build.sees and not any(gpu.lower().startswith(build.sees) for gpu in gpus):
            raise EngineBuildError(build.name, "it starts, and sees no GPU")
        return gpus

    def _gpus(self, beside: Path | None, build: str = "installed") -> tuple[str, ...]:
        command = [self._python, "-c", DEVICES_SCRIPT]
        environ = {**self._environ}
        if beside is not None:
            environ["PYTHONPATH"] = str(beside)
        try:
            done = run(command, START_S, environ)
            devices = json.loads(done.splitlines()[-1])
            return tuple(str(name) for name, _, _, is_gpu in devices if is_gpu)
        except subprocess.CalledProcessError as error:
            raise EngineBuildError(build, f"it does not start: {_last_line(error)}") from error
        except subprocess.TimeoutExpired as error:
            problem = f"it did not start within {format_seconds(START_S)}"
            raise EngineBuildError(build, problem) from error
        except (OSError, ValueError, IndexError) as error:
            raise EngineBuildError(build, f"it does not start: {system_words(error)}") from error

    def _pip(self, build: Build, *arguments: str) -> None:
        """Run pip; a GPU build comes from its own index and from nowhere else."""
        environ = {**self._environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        if build.on_index:
            # A further index that has the same version would give its CPU build.
            environ["PIP_CONFIG_FILE"] = os.devnull
            for name in ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "CONSTRAINT"):
                environ.pop(f"PIP_{name}", None)
        action, *rest = arguments
        command = [sys.executable, "-m", "pip", "--python", self._python, action, "--quiet"]
        try:
            run([*command, *rest], INSTALL_S, environ)
        except subprocess.CalledProcessError as error:
            reason = _last_line(error)
            if action == "download":
                problem = f"its index does not give it ({reason})"
                raise EngineBuildError(build.name, problem, tried=False) from error
            raise EngineBuildError(build.name, reason) from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EngineBuildError(
                build.name, f"pip failed: {system_words(error)}", tried=False
            ) from error

    def _facts(self) -> dict[str, Any]:
        """What the environment says of the package; nothing where it cannot be asked."""
        try:
            found: dict[str, Any] = json.loads(
                run([self._python, "-c", _FACTS], START_S, self._environ)
            )
            return found
        except (OSError, ValueError, subprocess.SubprocessError):
            return {}

    def _build(self, facts: dict[str, Any], gpus: Sequence[str]) -> str:
        """The build's name: as it was marked, else the first that names its GPUs so."""
        with suppress(OSError, ValueError, LookupError, TypeError):
            mark = read_json(Path(facts["prefix"]) / _MARK)
            if mark["record"] == _text_of(facts["record"]):
                return str(mark["build"])
        for build in BUILDS.values():
            if build.sees and any(gpu.lower().startswith(build.sees) for gpu in gpus):
                return build.name
        return "cpu"

    def _mark(self, facts: dict[str, Any], build: str) -> None:
        """Note which build this installation is; another one has another record."""
        with suppress(OSError):
            text = json.dumps({"build": build, "record": _text_of(facts.get("record", ""))})
            (Path(facts["prefix"]) / _MARK).write_text(text, "utf-8")

    def _put_back(self, kept: dict[str, Path]) -> None:
        """Make the installation what it was, whatever was left of it."""
        for file in self._facts().get("files", ()):
            with suppress(OSError):
                Path(file).unlink()
        for file, copy in kept.items():
            with suppress(OSError):
                Path(file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(copy, file)


def _unpack(build: Build, wheel: Path, folder: Path) -> None:
    """Lay a wheel out so that it can be imported from ``folder``, without installing it.

    Raises:
        EngineBuildError: the file is damaged.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise EngineBuildError(build.name, f"its file is damaged: {error}", tried=False) from error


def _copy(files: Sequence[str], folder: Path) -> dict[str, Path]:
    folder.mkdir()
    kept: dict[str, Path] = {}
    for number, file in enumerate(files):
        if Path(file).is_file():
            kept[file] = folder / str(number)
            shutil.copy2(file, kept[file])
    return kept


def _last_line(error: subprocess.CalledProcessError) -> str:
    lines = [line.strip() for line in f"{error.stdout}\n{error.stderr}".splitlines()]
    asides = ("warning:", "[notice]")
    said = [line for line in lines if line and not line.lower().startswith(asides)]
    if not said:
        return f"it ended with code {error.returncode}"
    return said[-1].removeprefix("ERROR: ").rstrip(".")


def _text_of(file: str) -> str:
    try:
        return Path(file).read_text("utf-8") if file else ""
    except (OSError, ValueError):
        return ""
