"""Files that are opened as what they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airunner.tools.real_path import open_real


@pytest.mark.parametrize("name", ["pipe", "link", "linked/file", "folder", "none", "a\0b"])
def test_nothing_but_a_regular_file_is_opened_and_no_way_leads_over_a_link(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path.resolve()
    (folder / "folder").mkdir()
    (folder / "folder/file").write_bytes(b"text")
    (folder / "link").symlink_to(folder / "folder/file")
    (folder / "linked").symlink_to(folder / "folder")
    os.mkfifo(folder / "pipe")
    with open_real(folder / "folder/file") as file:
        assert file.read() == b"text"
    with pytest.raises(OSError, match="Errno"):
        open_real(folder / name)
