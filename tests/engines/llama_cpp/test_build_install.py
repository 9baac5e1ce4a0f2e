"""Builds of the engine from a local index, by the real pip, into an environment of their own."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import sys
import venv
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.weights.conftest import FileServer
from tests.weights.conftest import server as server

from airunner.config.settings import Settings
from airunner.devices.machine import Gpu, Machine
from airunner.engines.llama_cpp.build_install import BuildInstaller
from airunner.engines.llama_cpp.builds import BUILDS
from airunner.engines.llama_cpp.fitting import fit_engine, fitting_problem
from airunner.errors import EngineBuildError

pytestmark = pytest.mark.real

VERSION = "2026.10.11549"
WHEEL = f"xllamacpp-{VERSION}-py3-none-any.whl"
RTX_3060 = Machine(
    glibc=(2, 39), gpus=(Gpu("nvidia", "RTX 3060", (8, 6)),), cuda=(13, 2), has_vulkan=False
)
RX_9070 = Machine(gpus=(Gpu("amd", "RX 9070", target="gfx1201"),), has_amdkfd=True)
ENGINE = """
class ggml_backend_dev_type:
    GGML_BACKEND_DEVICE_TYPE_CPU, GGML_BACKEND_DEVICE_TYPE_GPU = 0, 1
def get_device_info():
    seen = [("CPU", 0)] + [(n, 1) for n in %r]
    return [{"name": n, "type": t, "memory_total": 2, "memory_free": 1} for n, t in seen]
"""


def wheel(gpus: list[str], before: str = "", version: str = VERSION) -> bytes:
    """A wheel of an engine that sees ``gpus``; ``before`` is run when it is imported."""
    info = f"xllamacpp-{version}.dist-info"
    files = {
        "xllamacpp/__init__.py": before + ENGINE % gpus,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: xllamacpp\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        rows.append(f"{name},sha256={digest.decode()},{len(text)}")
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def offer(server: FileServer, build: str, content: bytes) -> None:
    """Put a wheel on a build's index."""
    page = f'<a href="{WHEEL}">{WHEEL}</a>'.encode()
    server.odd[f"/whl/{build}/xllamacpp/"] = (200, {"Content-Type": "text/html"}, [page])
    server.files[f"/whl/{build}/xllamacpp/{WHEEL}"] = content


@pytest.fixture(scope="module")
def cpu_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with a CPU build in it."""
    folder = tmp_path_factory.mktemp("environment") / "with cpu build"
    venv.create(folder, symlinks=True)
    (folder.parent / WHEEL).write_bytes(wheel([]))
    (site,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(folder.parent / WHEEL) as archive:
        archive.extractall(site)
    return folder


@pytest.fixture
def environment(cpu_environment: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "environment"
    shutil.copytree(cpu_environment, folder, symlinks=True)
    return folder


@pytest.fixture
def environ() -> dict[str, str]:
    """What pip and the engine are given."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}


@pytest.fixture
def installer(environment: Path, server: FileServer, environ: dict[str, str]) -> BuildInstaller:
    return BuildInstaller(environment / "bin/python", f"{server.url}/whl/", environ)


@pytest.fixture
def fit(installer: BuildInstaller, empty_home: Path) -> Callable[..., tuple[bool, list[str]]]:
    """Fit the engine to a machine; whether another build was installed, and what was told."""

    def run(machine: Machine = RTX_3060, **settings: object) -> tuple[bool, list[str]]:
        told: list[str] = []
        wanted = Settings(home=empty_home).replace(**settings)
        return fit_engine(wanted, told.append, machine, installer), told

    return run


def build_of(installer: BuildInstaller) -> tuple[str, tuple[str, ...]]:
    found = installer.installed()
    assert found is not None
    assert found.version == VERSION
    return found.build, found.gpus


def test_the_best_build_for_the_machine_is_installed_proven_and_stays(
    fit: Callable[..., tuple[bool, list[str]]], installer: BuildInstaller, server: FileServer
) -> None:
    assert build_of(installer) == ("cpu", ())
    offer(server, "cu132", wheel(["CUDA0"]))
    changed, told = fit()
    assert changed
    assert told[-1] == f"Engine: build cu132 of {VERSION} that sees CUDA0."
    assert build_of(installer) == ("cu132", ("CUDA0",))
    asked = len(server.requests)
    assert fit() == (False, [told[-1]])
    assert len(server.requests) == asked, "nothing is fetched again"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no wheel", "rocm-7.2.4 cannot be used: its "),
        (wheel(["Vulkan0"]), "rocm-7.2.4 cannot be used: it starts, and sees no GPU."),
        (
            wheel(["ROCm0"], "raise ImportError('libamdhip64.so.7: no such file')"),
            "rocm-7.2.4 cannot be used: it does not start: ImportError: libamdhip64.so.7",
        ),
        (
            wheel(["ROCm0"], "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"),
            "rocm-7.2.4 cannot be used: it does not start: it ended with code -11",
        ),
    ],
    ids=["damaged", "no gpu", "no library", "crashes"],
)
def test_a_build_that_cannot_be_used_leaves_the_one_that_works_with_a_line_why(
    fit: Callable[..., tuple[bool, list[str]]],
    installer: BuildInstaller,
    server: FileServer,
    environment: Path,
    content: bytes,
    why: str,
) -> None:
    def files() -> dict[str, bytes]:
        site = next(environment.glob("lib/python*/site-packages"))
        found = [f for f in site.rglob("xllamacpp*/*") if f.is_file() and f.suffix != ".pyc"]
        return {str(f): f.read_bytes() for f in found}

    before = files()
    offer(server, "rocm-7.2.4", content)
    changed, told = fit(RX_9070)
    assert not changed
    (line,) = [text for text in told if text.startswith("rocm-7.2.4 cannot")]
    assert line.startswith(why)
    assert "\n" not in line
    assert told[-1] == f"Engine: CPU build of {VERSION}, as before."
    assert files() == before
    assert build_of(installer) == ("cpu", ())


def test_the_next_best_is_tried_and_what_failed_is_not_tried_again(
    fit: Callable[..., tuple[bool, list[str]]], installer: BuildInstaller, server: FileServer
) -> None:
    offer(server, "cu132", wheel([]))
    offer(server, "cu128", wheel(["CUDA0", "CUDA1"]))
    changed, told = fit()
    assert changed
    assert build_of(installer) == ("cu128", ("CUDA0", "CUDA1"))
    server.requests.clear()
    changed, told = fit()
    assert not changed
    assert told[0].startswith("cu132 failed here before and is left out: it starts, and sees")
    assert server.requests == []
    newer = replace(RTX_3060, cuda=(13, 3))
    fit(newer)
    assert server.requests, "another driver is worth another try"
    assert build_of(installer)[0] == "cu128"


def test_a_build_that_could_not_be_fetched_is_tried_again(
    fit: Callable[..., tuple[bool, list[str]]], installer: BuildInstaller, server: FileServer
) -> None:
    changed, told = fit()
    assert not changed
    assert told[1].startswith("cu132 cannot be used: its index does not give it (")
    offer(server, "cu132", wheel(["CUDA0"]))
    assert fit()[0] is True
    assert build_of(installer)[0] == "cu132"


def test_a_build_may_be_named_and_the_cpus_comes_from_the_package_index(
    fit: Callable[..., tuple[bool, list[str]]],
    installer: BuildInstaller,
    server: FileServer,
    environ: dict[str, str],
    tmp_path: Path,
) -> None:
    offer(server, "cu128", wheel(["CUDA0"]))
    assert fit(engine="cu128")[0] is True
    assert fit(engine="cu128")[0] is False
    with pytest.raises(EngineBuildError, match="there is no AMD GPU"):
        fit(engine="rocm")
    with pytest.raises(EngineBuildError, match=r"glibc 2\.35"):
        fit(replace(RTX_3060, glibc=(2, 31)), engine="cu132")
    with pytest.raises(EngineBuildError, match="index does not give it"):
        fit(engine="cu132")
    with pytest.raises(EngineBuildError, match="--offline"):
        fit(engine="cu132", offline=True)
    assert build_of(installer) == ("cu128", ("CUDA0",))

    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / WHEEL).write_bytes(wheel([]))
    told = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}
    environ.update(told)
    changed, lines = fit(engine="cpu")
    assert changed
    assert lines[-1] == f"Engine: CPU build of {VERSION}."
    assert build_of(installer) == ("cpu", ())


def test_a_failure_of_the_replacement_itself_puts_the_old_one_back(
    installer: BuildInstaller, server: FileServer, environment: Path
) -> None:
    """It works beside the old one, and not in its place."""
    site = next(environment.glob("lib/python*/site-packages"))
    in_place = f"import pathlib\nif pathlib.Path(__file__).is_relative_to({str(site)!r}):\n"
    offer(server, "cu128", wheel(["CUDA0"], in_place + "    raise ImportError('not in here')\n"))
    before = (site / "xllamacpp/__init__.py").read_text()
    with pytest.raises(EngineBuildError, match="ImportError: not in here"):
        installer.install(BUILDS["cu128"], VERSION)
    assert (site / "xllamacpp/__init__.py").read_text() == before
    assert build_of(installer) == ("cpu", ())


def test_a_further_index_of_the_users_does_not_give_the_cpu_build_instead(
    installer: BuildInstaller, server: FileServer, environ: dict[str, str], tmp_path: Path
) -> None:
    offer(server, "cu128", wheel(["CUDA0"]))
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / WHEEL).write_bytes(wheel([]))
    config = tmp_path / "pip.conf"
    config.write_text(f"[global]\nfind-links = {wheels}\n")
    environ.update({"PIP_CONFIG_FILE": str(config), "PIP_FIND_LINKS": str(wheels)})
    assert installer.install(BUILDS["cu128"], VERSION).gpus == ("CUDA0",)


def test_a_build_that_was_replaced_by_hand_is_recognised(
    installer: BuildInstaller, server: FileServer, environment: Path
) -> None:
    offer(server, "cu128", wheel(["CUDA0"]))
    installer.install(BUILDS["cu128"], VERSION)
    site = next(environment.glob("lib/python*/site-packages"))
    source = site / "xllamacpp/__init__.py"
    source.write_text(ENGINE % ["Vulkan0"])
    record = next(site.glob("xllamacpp*/RECORD"))
    record.write_text(record.read_text() + "xllamacpp/other.py,,\n")
    assert build_of(installer) == ("vulkan", ("Vulkan0",))
    source.write_text("raise ImportError")
    assert installer.installed() is None


def test_nothing_is_installed_offline_or_beside_a_server_of_ones_own_or_without_a_gpu(
    fit: Callable[..., tuple[bool, list[str]]], server: FileServer
) -> None:
    offer(server, "cu132", wheel(["CUDA0"]))
    assert "--offline forbids" in fit(offline=True)[1][0]
    assert "llama-server is used" in fit(llama_server=sys.executable)[1][0]
    assert "no GPU that it could use" in fit(Machine())[1][0]
    old = replace(RTX_3060, cuda=(11, 0))
    assert "needs an NVIDIA driver for CUDA 12.0, this one has 11.0" in fit(old)[1][0]
    assert server.requests == []


def test_doctor_says_that_a_gpu_is_here_and_what_to_run() -> None:
    found = fitting_problem(Settings(), sees_gpus=False, machine=RTX_3060)
    assert found is not None
    assert not found.prevents_running
    assert found.what == "A GPU is here (RTX 3060) and the engine is a CPU build."
    assert found.remedy.startswith("Run `airunner engine`: it installs the build cu132")
    assert fitting_problem(Settings(), sees_gpus=True, machine=RTX_3060) is None
    assert fitting_problem(Settings(), sees_gpus=False, machine=Machine()) is None
    chosen = Settings().replace(engine="cpu")
    assert fitting_problem(chosen, sees_gpus=False, machine=RTX_3060) is None


def test_a_home_that_cannot_be_written_only_forgets(
    installer: BuildInstaller, server: FileServer, tmp_path: Path
) -> None:
    offer(server, "rocm-7.2.4", wheel([]))
    (tmp_path / "file").write_text(json.dumps({}))
    told: list[str] = []
    settings = Settings(home=tmp_path / "file" / "home")
    assert fit_engine(settings, told.append, RX_9070, installer) is False
    assert told[-1].endswith("as before.")
