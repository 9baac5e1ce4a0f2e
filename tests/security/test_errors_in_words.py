"""Whatever others write: what comes out of its reader is a value, or an error of ours in words."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.security.readers import READERS

from airunner.errors import AiRunnerError, DownloadError
from airunner.errors.base import MOST_CHARACTERS
from airunner.events import EventBus
from airunner.messages import Message
from airunner.models.spec import UrlSource
from airunner.records.records import Records
from airunner.weights.file_name import fit_name, is_fit_path
from airunner.weights.transfer import Transfer
from airunner.weights.url import fetch_url

pytestmark = pytest.mark.real

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["name", "type", "$ref", "#", "..", "\0", "a" * 300]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8)
            | st.sampled_from(["mcpServers", "command", "keys", "type", "anyOf", "$ref", "unet"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
EXTREMES = [
    b"[" * 100_000,
    b'{"mcpServers":' * 20_000,
    b"a = " + b"[" * 20_000,
    b"[" + b"a." * 20_000 + b"a]",
    b"a" * 175_771,
    b"9" * 5_000,
    b"\0",
    b"..",
    b"a" * 300,
    b".partial/x",
    b"~nobody/x",
    b"\xed\xa0\x80",
    b"\xff\xfe\0\0",
    b"%00%2e%2e",
    b"http://[::1/a",
    b"http://" + b"b" * 70 + b".example/a.gguf",
    b"(" * 5_000,
    b"1" + b"!" * 5_000,
    b"",
]


def attack(name: str, data: bytes) -> None:
    """Read ``data``; an error of another kind than ours, or of too many words, gets through."""
    check_words(lambda: READERS[name].read(data))


def check_words(read: Callable[[], object]) -> None:
    """Only an error of ours may come out, and its words are bounded."""
    words = ""
    try:
        read()
    except AiRunnerError as error:
        words = str(error)
    assert len(words) <= MOST_CHARACTERS + 100
    words.encode()


@st.composite
def mutated(draw: st.DrawFn, sound: bytes) -> bytes:
    """What is sound, with some of it replaced, repeated, cut or filled up."""
    data = bytearray(sound)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 8)))
        data[start:end] = draw(
            st.binary(max_size=8)
            | st.sampled_from([b"\0" * 8, b"\xff" * 8, b"[", b"}", b'"', b"9" * 400, sound[:40]])
        )
    return bytes(data)


@pytest.mark.parametrize("name", READERS)
def test_what_is_sound_is_read(name: str) -> None:
    if name != "projector":  # what it encodes would be said in a truth value
        READERS[name].read(READERS[name].sound)


@pytest.mark.parametrize("data", EXTREMES, ids=lambda data: repr(data[:12]))
@pytest.mark.parametrize("name", READERS)
def test_extremes_are_refused_in_words(name: str, data: bytes) -> None:
    attack(name, data)


@pytest.mark.parametrize("name", READERS)
def test_mutations_are_read_or_refused_in_words(name: str) -> None:
    @given(mutated(READERS[name].sound) | JSON.map(lambda v: json.dumps(v).encode()) | st.binary())
    def fuzz(data: bytes) -> None:
        attack(name, data)

    fuzz()


@pytest.mark.parametrize("value", ["[1]", '"text"', "3", "null", "[" * 100_000, '{"role": 1}', ""])
def test_a_saved_message_that_is_none_is_told(tmp_path: Path, value: str) -> None:
    with Records(tmp_path / "records.sqlite3") as records:
        records.conversations.save("a", [Message("user", "hello")])
        with records._database.write() as connection:
            connection.execute("UPDATE message SET value = ?", (value,))
        with pytest.raises(AiRunnerError):
            records.conversations.load("a")


@settings(max_examples=25)
@given(st.data())
def test_mutated_databases_are_told(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "records.sqlite3")
        with Records(path) as records:
            records.conversations.save("a", [Message("user", "hello of boats")])
            records.notes.add("title", "text of boats")
            records.facts.add("a fact")
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 40))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        with closing(Records(path)) as records:
            for read in (
                lambda: records.conversations.load("a"),
                lambda: list(records.conversations.list()),
                lambda: records.conversations.search("boats"),
                lambda: records.notes.search("boats"),
                lambda: list(records.facts.list()),
                lambda: records.notes.add("other", "text"),
            ):
                check_words(read)


@pytest.mark.parametrize(
    "address", ["http://[::1/a", "", "..", "http://" + "b" * 70 + ".example/a"]
)
def test_what_is_no_address_is_told(tmp_path: Path, address: str) -> None:
    transfer = Transfer("model", tmp_path, EventBus())
    with pytest.raises(AiRunnerError):
        fetch_url(transfer, UrlSource(address), 0.0)


def test_words_are_bounded_and_can_be_printed() -> None:
    error = DownloadError("\ud800", "b" * 100_000, "why")
    assert len(str(error)) < MOST_CHARACTERS + 100
    assert str(error).endswith("why")
    str(error).encode()


@given(st.text())
def test_any_name_becomes_one_that_a_file_system_takes(name: str) -> None:
    fit = fit_name(name, "other")
    assert is_fit_path(fit)
    with TemporaryDirectory() as folder:
        Path(folder, f"{fit}.part.validator").touch()
        assert len(os.listdir(folder)) == 1


@pytest.mark.parametrize("path", ["..", "a/../b", "a//b", "/a", ".partial/x", "a\0", "b" * 300])
def test_names_of_a_repository_that_lead_elsewhere_are_refused(path: str) -> None:
    assert not is_fit_path(path)
    assert is_fit_path("transformer/model-00001-of-00002.safetensors")
