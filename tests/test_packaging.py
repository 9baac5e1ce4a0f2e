"""What an installation rests on: complete pins, and one meaning of pip's configuration."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from scripts.install import TORCH, run, torch_command, torch_requirement, uv_environment

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PROJECT["dependency-groups"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
IMAGES = EXTRAS["images"]
TORCH_REQUIREMENT = Requirement(torch_requirement(TORCH.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("file", "group"), [("runtime.txt", ["build"]), ("dev.txt", ["build", "dev"])]
)
def test_every_dependency_is_pinned_by_hash_and_tied_to_no_index(
    file: str, group: list[str]
) -> None:
    text = (ROOT / "constraints" / file).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash)", text, re.MULTILINE)
    pins = re.split(r"\n(?=\w)", text.partition("\n")[2].replace(" \\\n", ""))
    pinned: dict[str, set[str]] = {}
    for pin in pins:
        if match := re.match(r"([\w.-]+)==(\S+)", pin):
            assert "--hash=sha256:" in pin, pin
            pinned.setdefault(match[1], set()).add(match[2])

    wanted = [*PROJECT["project"]["dependencies"]]
    for name in set(EXTRAS) - {"images-4bit"}:
        wanted += [item for item in EXTRAS[name] if not item.startswith("airunner[")]
    wanted += [item for name in group for item in GROUPS[name] if isinstance(item, str)]
    for requirement in map(Requirement, wanted):
        if requirement.name == "torch":
            continue
        versions = pinned[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(v) for v in versions), requirement

    # Which torch and which CUDA is not for these files to say.
    of_cuda = re.compile(r"torch|triton|cuda|nvidia-(?!ml-py$)")
    assert not [name for name in pinned if of_cuda.match(name)]


def test_the_torch_that_make_installs_is_one_that_the_extra_allows() -> None:
    (version,) = (pin.version for pin in TORCH_REQUIREMENT.specifier if pin.operator == "==")
    (allowed,) = (r for r in map(Requirement, IMAGES) if r.name == "torch")
    assert allowed.specifier.contains(version)
    lock = tomllib.loads((TORCH.parent / "uv.toml").read_text(encoding="utf-8"))
    (assumed,) = lock["dependency-metadata"]
    assert (assumed["name"], assumed["version"]) == ("torch", version)


def test_torch_is_fetched_by_pip_from_the_index_the_user_names() -> None:
    python = Path("bin/python")
    plain = torch_command(python, "torch==1", {"PIP_INDEX_URL": "https://all.example/simple"})
    assert "--index-url" not in plain  # pip reads its own configuration
    assert plain[:4] == ["bin/python", "-m", "pip", "install"]
    assert "--quiet" in plain  # what it does is hundreds of lines
    named = torch_command(python, "torch==1", {"AIRUNNER_TORCH_INDEX": "https://cpu.example"})
    assert named[-3:] == ["--index-url", "https://cpu.example", "torch==1"]


def test_a_step_that_takes_long_says_that_it_goes_on(tmp_path: Path) -> None:
    seen, told = tmp_path / "seen", list[str]()

    def hear(line: str) -> None:
        told.append(line)
        seen.touch()

    waits = f"import os, time\nwhile not os.path.exists({str(seen)!r}): time.sleep(0.01)"
    run([sys.executable, "-c", waits], tells=hear, each_s=0.05)
    assert re.match(r"  \.\.\. after \d+ s", told[0])
    with pytest.raises(SystemExit) as failed:
        run([sys.executable, "-c", "raise SystemExit(3)"])
    assert failed.value.code == 3


def test_what_is_installed_has_everything_it_requires() -> None:
    """The pinned files are installed without looking for dependencies."""
    unmet, seen = [], set()
    waiting = [Requirement("airunner[all]")]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        extras = frozenset(wanted.extras)
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            unmet.append(str(wanted))
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            unmet.append(f"{wanted}, not {version}")
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for line in importlib.metadata.requires(name) or ():
            needed = Requirement(line)
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in extras or {""}
            ):
                waiting.append(needed)
    assert not unmet


def test_uv_looks_for_packages_where_pip_was_told_to(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\n"
        "index-url = https://index.example/simple\n"
        "extra-index-url =\n  https://more.example/a\n  file:///no/such/folder\n"
        "find-links = /no/such/folder\n"
    )
    told = {"PIP_CONFIG_FILE": str(config), "PIP_FIND_LINKS": " ".join(map(str, folders))}

    environ = uv_environment(told)
    assert environ["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert environ["UV_INDEX"] == "https://more.example/a"
    assert environ["UV_FIND_LINKS"] == ",".join(map(str, folders))

    own = uv_environment({**told, "UV_DEFAULT_INDEX": "https://uv.example/simple"})
    assert own["UV_DEFAULT_INDEX"] == "https://uv.example/simple"


def test_make_run_fits_the_engine_to_the_machine_before_the_demo() -> None:
    done = subprocess.run(["make", "-n", "run"], cwd=ROOT, capture_output=True, text=True)
    assert 0 < done.stdout.index("airunner engine") < done.stdout.index("airunner demo")
