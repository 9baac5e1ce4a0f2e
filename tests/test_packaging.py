"""What an installation rests on: complete pins, and one meaning of pip's configuration."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from scripts.install import uv_environment

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PROJECT["dependency-groups"]


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
    wanted += [item for name in group for item in GROUPS[name] if isinstance(item, str)]
    for requirement in map(Requirement, wanted):
        versions = pinned[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(v) for v in versions), requirement


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
