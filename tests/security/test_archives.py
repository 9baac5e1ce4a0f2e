"""Archives: stored and deflated members only, and limits on what is read, told by content."""

from __future__ import annotations

import json
import re
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from tests.security.readers import FOREIGN, ids_in
from tests.toolbox.documents.word_file import write_contract, write_odd_word

from airunner.errors import ToolFailedError, UnusableRecordError
from airunner.records import foreign_exports, listed_parts
from airunner.records.foreign_exports import read_export
from airunner.records.listed_parts import parts
from airunner.toolbox.documents import docx
from airunner.toolbox.documents.docx import read_docx

ZEROS = bytes(1 << 20)


def packed(path: Path, name: str, mega_bytes: int, begin: bytes, method: int) -> Path:
    """A Word file with one member more."""
    write_contract(path)
    with (
        zipfile.ZipFile(path, "a") as archive,
        archive.open(zipfile.ZipInfo(name), "w") as member,
    ):
        member.write(b"")
    with zipfile.ZipFile(path, "a", method) as archive:
        info = zipfile.ZipInfo(f"more/{name}")
        info.compress_type = method
        with archive.open(info, "w", force_zip64=True) as member:
            member.write(begin)
            for _ in range(mega_bytes):
                member.write(ZEROS)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_no_word_processor_packs_is_not_unpacked(tmp_path: Path, method: int) -> None:
    path = packed(tmp_path / "a.docx", "a.bin", 64, b"<", method)
    assert path.stat().st_size < 100_000
    with pytest.raises(ToolFailedError, match="no word processor"):
        read_docx(path, "a.docx")


@pytest.mark.parametrize("begin", [b"<a>", b"\xef\xbb\xbf  <a/>", b"\xff\xfe<\0", b""])
def test_text_is_text_whatever_it_is_called(tmp_path: Path, begin: bytes) -> None:
    most_mega_bytes = docx.MOST_XML_BYTES // 1_000_000
    path = packed(tmp_path / "a.docx", "a.bin", most_mega_bytes, begin, zipfile.ZIP_DEFLATED)
    with pytest.raises(ToolFailedError, match="unpacks to more"):
        read_docx(path, "a.docx")


def test_a_part_that_many_relations_name_is_read_once(tmp_path: Path) -> None:
    """Each takes some 20 packed bytes: 54 kB had a part of 2,000 notes read 2,000 times."""
    path = write_odd_word(tmp_path / "a.docx")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    relations = "word/_rels/document.xml.rels"
    (given,) = re.findall(rb'<Relationship [^>]*/footnotes"[^>]*>', members[relations])
    again = b"".join(given.replace(b'Id="', b'Id="x%d' % number) for number in range(5))
    members[relations] = members[relations].replace(given, given + again)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    assert read_docx(path, "a.docx").text.count("A note below.") == 1


def test_pictures_may_be_larger_than_text(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.docx", "a.png", 50, b"\x89PNG", zipfile.ZIP_DEFLATED)
    assert "rent" in read_docx(path, "a.docx").text


def exported(method: int, text: bytes) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("conversations.json", text)
    return file.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_export_is_unpacked_only_as_it_is_packed_where_it_comes_from(method: int) -> None:
    with pytest.raises(UnusableRecordError, match="unusual"):
        ids_in(exported(method, b"[]"))


def test_an_export_of_too_many_values_is_refused_before_they_are_made() -> None:
    bomb = b"[[" + b"[]," * (foreign_exports.MOST_ITEMS // 2 + 1) + b"[]]]"
    with pytest.raises(UnusableRecordError, match="too large"):
        ids_in(exported(zipfile.ZIP_DEFLATED, bomb))


def test_an_archive_that_lies_about_its_size_gives_no_more_than_it_says() -> None:
    data = exported(zipfile.ZIP_DEFLATED, json.dumps(["x" * 1_000_000]).encode())
    size = (1_000_004).to_bytes(4, "little")
    assert data.count(size) == 2
    with pytest.raises(UnusableRecordError):
        ids_in(data.replace(size, (1000).to_bytes(4, "little")))


def test_the_conversations_of_an_export_are_the_same_wherever_it_is_cut() -> None:
    talk = {"messages": [{"role": "user", "content": 'a "[{," b\\' * 200}]}
    listed = [{"id": f"{n:08}", "created_s": 9 - n, **talk} for n in range(3)]
    head = {"format": "airunner.conversations", "version": 1}
    text = json.dumps({**head, "conversations": listed}).encode()
    for n_bytes in (1, 7, len(text)):
        _, *found = parts(text[at : at + n_bytes] for at in range(0, len(text), n_bytes))
        assert [json.loads(each) for each in found] == listed
    told = json.dumps({"conversations": listed, **head})
    for data in (text, b"\xef\xbb\xbf" + text, told.encode(), told.encode("utf-16")):
        assert ids_in(data) == ["00000002", "00000001", "00000000"]
    for wrong in (text[:-1], text[:-40], text + b"]", text.replace(b'"version"', b"version")):
        with pytest.raises(UnusableRecordError, match="damaged"):
            ids_in(wrong)


@pytest.mark.parametrize("letter", ["\U0001f41d".encode(), rb"\ud83d\udc1d"])
def test_text_that_takes_four_times_its_bytes_is_bounded_sooner(letter: bytes) -> None:
    text = letter + b"a" * listed_parts.MOST_WIDE_BYTES
    with pytest.raises(UnusableRecordError, match="12 MiB"):
        ids_in(b'[{"chat":{"messages":[{"role":"user","content":"' + text + b'"}]}}]')


def test_of_an_export_with_many_that_are_none_the_first_are_told() -> None:
    with read_export(BytesIO(json.dumps([FOREIGN, *range(5000)]).encode())) as export:
        assert len(list(export.conversations)) == 1
        assert len(export.refused) == 1000
    with pytest.raises(UnusableRecordError, match="no export"):
        ids_in(b"[" + b"1," * 200_000 + b"1]")


@pytest.mark.parametrize("moment", ["1" + "0" * 400, "-1", "1e308", "NaN", "true", '"1"', "[1]"])
def test_a_time_that_is_none_does_not_keep_a_conversation_out(moment: str) -> None:
    told = json.dumps([{**FOREIGN, "create_time": 5}]).replace("5", moment, 1)
    with read_export(BytesIO(told.encode())) as export:
        assert next(each.entry.created_s for each in export.conversations) in (0.0, 1.0)
