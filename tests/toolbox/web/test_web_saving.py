"""Files saved from the web: whole or not at all, and never over another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.web.fetcher import Fetcher, nobody_cancels
from airunner.toolbox.web.saving import MAX_FILE_BYTES, save_file
from airunner.tools.files_folder import FilesFolder

BODY = os.urandom(12_000_000)


class Saver:
    """Saves into a folder of its own."""

    def __init__(self, fetcher: Fetcher, folder: Path) -> None:
        self.fetcher, self.folder = fetcher, folder
        self.reports: list[str] = []

    def __call__(self, address: str, path: str = "", is_cancelled=nobody_cancels) -> str:
        files = FilesFolder(self.folder)
        return save_file(self.fetcher, address, path, files, is_cancelled, self.reports.append)

    @property
    def names(self) -> set[str]:
        return {each.relative_to(self.folder).as_posix() for each in self.folder.rglob("*")}


@pytest.fixture
def save(fetcher: Fetcher, tmp_path: Path) -> Saver:
    return Saver(fetcher, tmp_path / "files")


def test_a_file_is_saved_with_its_bytes_as_they_are(web, save) -> None:
    said = save(web.give("/a/map.zip", BODY, "application/zip"), "maps/town.zip")
    assert (save.folder / "maps/town.zip").read_bytes() == BODY
    assert save.names == {"maps", "maps/town.zip"}
    assert said.startswith("Saved maps/town.zip (12.0 MB, application/zip) from http://site.ex")
    assert len(save.reports) == 2
    assert save.reports[0].endswith("MB of 12.0 MB")
    assert web.requests[0][1]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("place", "path", "name"),
    [
        ("/a/report.pdf", "", "report.pdf"),
        ("/a/report.pdf?x=1", "", "report.pdf"),
        ("/a/report.pdf", "reports/", "reports/report.pdf"),
        ("/a/my%20report%2F..%2F.pdf", "", "my_report_.._.pdf"),
        ("/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "", "_.._etc_passwd"),
        ("/.bashrc", "", "bashrc"),
        ("/", "", "site.example.html"),
        (f"/{'a' * 300}.pdf", "", f"{'a' * 116}.pdf"),
    ],
)
def test_without_a_name_the_address_gives_one(web, save, place: str, path: str, name: str) -> None:
    save(web.give(place, b"text", "application/pdf"), path)
    assert (save.folder / name).read_bytes() == b"text"


def test_a_folder_as_name_means_inside_of_it(web, save) -> None:
    (save.folder / "reports").mkdir(parents=True)
    save(web.give("/a.pdf", b"text", "application/pdf"), "reports")
    assert save.names == {"reports", "reports/a.pdf"}


def test_nothing_is_overwritten_and_nothing_fetched_in_vain(web, save) -> None:
    save.folder.mkdir()
    (save.folder / "a.pdf").write_bytes(b"mine")
    address = web.give("/a.pdf", b"theirs", "application/pdf")
    for path in ("", "a.pdf"):
        with pytest.raises(ToolRetryError, match=r"'a\.pdf' already"):
            save(address, path)
    assert (save.folder / "a.pdf").read_bytes() == b"mine"
    assert web.requests == []


def test_a_file_that_appeared_meanwhile_is_not_overwritten_either(web, save) -> None:
    address = web.give("/a.bin", BODY, "application/octet-stream")

    def somebody_else_writes() -> bool:
        (save.folder / "a.bin").write_bytes(b"mine")
        return False

    save.folder.mkdir()
    with pytest.raises(ToolFailedError, match="could not be written"):
        save(address, is_cancelled=somebody_else_writes)
    assert (save.folder / "a.bin").read_bytes() == b"mine"
    assert save.names == {"a.bin"}


@pytest.mark.parametrize("path", ["../a.pdf", "/etc/a.pdf", "b/../../a.pdf", "~/a.pdf", "a\0.pdf"])
def test_nothing_is_saved_outside_of_the_folder(web, save, path: str) -> None:
    with pytest.raises(ToolRetryError):
        save(web.give("/a.pdf", b"text", "application/pdf"), path)
    assert web.requests == []


def test_what_breaks_off_leaves_nothing(web, save) -> None:
    address = web.give("/a.bin", b"half", "application/octet-stream", Content_Length="100")
    with pytest.raises(ToolFailedError, match="broke off"):
        save(address, "new/folder/a.bin")
    assert save.names == set()


def test_a_cancelled_download_leaves_nothing(web, save) -> None:
    with pytest.raises(ToolFailedError, match="cancelled"):
        save(web.give("/a.bin", BODY, "x/y"), is_cancelled=lambda: bool(save.reports))
    assert save.reports
    assert save.names == set()


def test_more_than_the_limit_is_refused_before_it_is_fetched(web, save) -> None:
    size = str(MAX_FILE_BYTES + 1)
    with pytest.raises(ToolFailedError, match="larger than 100 MB"):
        save(web.give("/a.bin", b"", "x/y", Content_Length=size))
    assert save.names == set()


def test_a_full_disk_leaves_nothing(web, save) -> None:
    resource = pytest.importorskip("resource")
    address = web.give("/a.bin", BODY, "x/y")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(ToolFailedError, match=r"a\.bin could not be written: File too large"):
            save(address, "new/a.bin")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert save.names == set()
    save(address, "new/a.bin")
    assert save.names == {"new", "new/a.bin"}
