"""Files that several programs hand over at the same moment, under one name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Barrier

from airunner.server.native.uploads import Uploads


def test_each_of_many_files_of_one_name_is_kept(tmp_path: Path) -> None:
    uploads, together = Uploads(tmp_path), Barrier(8)

    def hand_over(number: int) -> tuple[str, bytes]:
        data = b"%d" % (number % 6)  # two have the same in them as two others
        together.wait()
        return uploads.save("a.txt", BytesIO(data)).name, data

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(hand_over, range(8)))
    assert {(tmp_path / name).read_bytes() == data for name, data in told} == {True}
    assert {each.name for each in uploads.all()} == {name for name, _ in told}
    assert len(list((tmp_path / "uploads").iterdir())) == 6
