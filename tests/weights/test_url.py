from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from airunner.errors import DownloadError, StorageError
from airunner.models.spec import UrlSource
from airunner.weights.connections import Connections
from airunner.weights.disk_space import require_space
from airunner.weights.rate import RateMeter
from airunner.weights.url import fetch_url

BODY = b"GGUF" + os.urandom(3_000_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
SMALL = BODY[:5000]
OF_SMALL = hashlib.sha256(SMALL).hexdigest()


def ranges(server) -> list[str | None]:
    return [span for _path, span in server.requests]


def names(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_a_cut_connection_is_continued_where_it_broke_off(server, recorder):
    server.files["/m.gguf"] = BODY
    server.cuts = [1_000_000, 0, 500_000]
    path = fetch_url(recorder.transfer, UrlSource(f"{server.url}/m.gguf", SHA256), retry_wait_s=0)
    assert path.read_bytes() == BODY
    assert ranges(server) == [None, "bytes=1000000-", "bytes=1000000-", "bytes=1500000-"]
    assert names(recorder.transfer.folder) == {"m.gguf"}
    last = [e for e in recorder.events if e.step == "download"][-1]
    assert last.done_bytes == last.total_bytes == len(BODY)


def test_a_cancelled_fetch_is_continued_by_a_later_one(server, recorder):
    server.files["/m.gguf"] = BODY
    source = UrlSource(f"{server.url}/m.gguf", SHA256)
    recorder.transfer.bus.subscribe(lambda event: recorder.transfer.cancel.set())
    with pytest.raises(DownloadError, match="cancelled"):
        fetch_url(recorder.transfer, source)
    assert not (recorder.transfer.folder / "m.gguf").exists()
    kept_bytes = (recorder.transfer.staging / "m.gguf.part").stat().st_size
    assert 0 < kept_bytes < len(BODY)

    recorder.transfer.cancel.clear()
    recorder.transfer.bus = type(recorder.transfer.bus)()
    assert fetch_url(recorder.transfer, source).read_bytes() == BODY
    assert ranges(server) == [None, f"bytes={kept_bytes}-"]


def test_a_file_that_changed_on_the_server_is_fetched_from_its_start(server, recorder):
    server.files["/m.gguf"] = BODY
    server.cuts = [1_000_000, 0, 0, 0, 0, 0]
    source = UrlSource(f"{server.url}/m.gguf")
    with pytest.raises(DownloadError):
        fetch_url(recorder.transfer, source, retry_wait_s=0)
    newer = server.files["/m.gguf"] = b"GGUF" + os.urandom(1_500_000)
    assert fetch_url(recorder.transfer, source, retry_wait_s=0).read_bytes() == newer
    assert ranges(server)[-1] == "bytes=1000000-"


def test_other_bytes_than_promised_leave_nothing_behind(server, recorder):
    server.files["/m.gguf"] = BODY[:-1] + bytes([BODY[-1] ^ 1])
    source = UrlSource(f"{server.url}/m.gguf", SHA256)
    with pytest.raises(DownloadError, match="SHA-256"):
        fetch_url(recorder.transfer, source)
    assert names(recorder.transfer.folder) == set()
    server.files["/m.gguf"] = BODY
    assert fetch_url(recorder.transfer, source).read_bytes() == BODY


def test_an_error_page_is_not_weights(server, recorder):
    server.files["/m.gguf"] = b"<html>please log in</html>"
    with pytest.raises(DownloadError, match="not GGUF"):
        fetch_url(recorder.transfer, UrlSource(f"{server.url}/m.gguf"))
    assert names(recorder.transfer.folder) == set()


@pytest.mark.parametrize("cuts", [[], [0] * 20])
def test_a_server_that_gives_nothing_is_given_up(server, recorder, cuts):
    server.cuts = cuts
    if cuts:
        server.files["/m.gguf"] = BODY
    with pytest.raises(DownloadError, match=r"m\.gguf") as caught:
        fetch_url(recorder.transfer, UrlSource(f"{server.url}/m.gguf"), retry_wait_s=0)
    assert caught.value.model == "publisher/model"
    assert len(server.requests) == (5 if cuts else 1)


def test_a_disk_that_refuses_keeps_what_arrived(server, recorder):
    resource = pytest.importorskip("resource")
    server.files["/m.gguf"] = BODY
    source = UrlSource(f"{server.url}/m.gguf", SHA256)
    _soft, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(StorageError) as caught:
            fetch_url(recorder.transfer, source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.needed_bytes == len(BODY)
    assert fetch_url(recorder.transfer, source).read_bytes() == BODY
    assert ranges(server)[1] == "bytes=1000000-"


def test_more_than_the_disk_holds_is_refused_before_it_is_fetched(recorder):
    with pytest.raises(StorageError) as caught:
        require_space(recorder.transfer.folder, 2**62)
    assert caught.value.needed_bytes == 2**62


def test_a_server_that_cannot_resume_is_given_up_all_the_same(server, recorder):
    server.files["/m.gguf"] = BODY
    server.can_resume = False
    server.cuts = [1_000_000, 500_000] * 20
    with pytest.raises(DownloadError):
        fetch_url(recorder.transfer, UrlSource(f"{server.url}/m.gguf"), retry_wait_s=0)
    assert len(server.requests) == 6


def test_a_server_that_says_nothing_can_be_cancelled_at_once(server, recorder):
    server.files["/m.gguf"] = BODY
    server.may_answer.clear()
    fetching = ThreadPoolExecutor(1).submit(
        fetch_url, recorder.transfer, UrlSource(f"{server.url}/m.gguf")
    )
    while not server.requests:
        assert not fetching.done()
    recorder.transfer.cancel.set()
    with pytest.raises(DownloadError, match="cancelled"):
        fetching.result(timeout=15)  # of the minutes that it may say nothing


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (206, {"Content-Range": "bytes 0-99/100"}, [BODY[:100]]),
        (206, {}, [BODY]),
        (416, {"Content-Range": f"bytes */{len(BODY)}"}, []),
    ],
)
def test_a_part_that_nobody_asked_for_is_not_the_file(server, recorder, status, headers, body):
    server.odd["/m.gguf"] = (status, headers, body)
    with pytest.raises(DownloadError, match=f"HTTP {status}"):
        fetch_url(recorder.transfer, UrlSource(f"{server.url}/m.gguf"), retry_wait_s=0)
    assert names(recorder.transfer.folder) == set()


@pytest.mark.parametrize("first", [0, 999_999, 1_000_001])
def test_another_part_than_was_asked_for_is_thrown_away(server, recorder, first):
    server.files["/m.gguf"] = BODY
    server.cuts = [1_000_000, 0, 0, 0, 0, 0]
    source = UrlSource(f"{server.url}/m.gguf")
    with pytest.raises(DownloadError):
        fetch_url(recorder.transfer, source, retry_wait_s=0)
    span = f"bytes {first}-{len(BODY) - 1}/{len(BODY)}"
    server.odd["/m.gguf"] = (206, {"Content-Range": span}, [BODY[first:]])
    with pytest.raises(DownloadError, match="another part"):
        fetch_url(recorder.transfer, source, retry_wait_s=0)
    assert names(recorder.transfer.folder) == set()
    server.odd.clear()
    assert fetch_url(recorder.transfer, source).read_bytes() == BODY


def test_a_body_is_kept_as_it_is_stored_whatever_it_is_called(server, recorder):
    packed = gzip.compress(BODY)
    headers = {"Content-Encoding": "gzip", "Content-Length": str(len(packed))}
    server.odd["/m.gguf"] = (200, headers, [packed])
    with pytest.raises(DownloadError, match="not GGUF"):
        fetch_url(recorder.transfer, UrlSource(f"{server.url}/m.gguf"))
    server.odd["/m.bin"] = (200, headers, [packed])
    assert fetch_url(recorder.transfer, UrlSource(f"{server.url}/m.bin")).read_bytes() == packed


def test_an_answer_without_a_length_is_taken(server, recorder):
    server.odd["/m.gguf"] = (200, {}, [BODY[:1000], BODY[1000:]])
    path = fetch_url(recorder.transfer, UrlSource(f"{server.url}/m.gguf", SHA256))
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("tag", ['"\xe9"', f'"{"x" * 2000}"', '"\x7f"'])
def test_a_validator_that_cannot_be_sent_back_holds_no_file_up(server, recorder, tag):
    server.odd["/m.gguf"] = (200, {"Content-Length": "5000", "ETag": tag}, [SMALL[:1000]])
    source = UrlSource(f"{server.url}/m.gguf", OF_SMALL)
    with pytest.raises(DownloadError):
        fetch_url(recorder.transfer, source, retry_wait_s=0)
    assert set(ranges(server)) == {None}
    server.odd.clear()
    server.files["/m.gguf"] = SMALL
    assert fetch_url(recorder.transfer, source).read_bytes() == SMALL


@pytest.mark.parametrize(
    ("span", "body"),
    [
        (f"items 1000-{len(SMALL) - 1}/{len(SMALL)}", SMALL[1000:]),
        (f"bytes +1000-{len(SMALL) - 1}/{len(SMALL)}", SMALL[1000:]),
        ("bytes 1000-1999/2000", SMALL[1000:]),
        (f"bytes 1000-{len(SMALL) - 1}/{len(SMALL)}", SMALL[1000:] + b"more"),
        (f"bytes 1000-{len(SMALL) - 1}/{len(SMALL)}", bytes(len(SMALL) - 1000)),
    ],
)
def test_a_part_that_lies_about_itself_leaves_nothing_behind(server, recorder, span, body):
    source = UrlSource(f"{server.url}/m.gguf", OF_SMALL)
    recorder.transfer.staging.mkdir()
    (recorder.transfer.staging / "m.gguf.part").write_bytes(SMALL[:1000])
    (recorder.transfer.staging / "m.gguf.part.validator").write_text('"of it"')
    server.odd["/m.gguf"] = (206, {"Content-Range": span}, [body])
    with pytest.raises(DownloadError):
        fetch_url(recorder.transfer, source, retry_wait_s=0)
    assert names(recorder.transfer.folder) == set()
    assert server.requests[0][1] == "bytes=1000-"


@pytest.mark.parametrize("tag", ['"another"', 'W/"another"'])
def test_a_part_of_another_version_is_not_joined_to_what_is_here(server, recorder, tag):
    """Its place and its length fit, and no hash was promised."""
    server.files["/m.gguf"] = SMALL
    server.cuts = [1000, 0, 0, 0, 0, 0]
    source = UrlSource(f"{server.url}/m.gguf")
    with pytest.raises(DownloadError):
        fetch_url(recorder.transfer, source, retry_wait_s=0)
    span = f"bytes 1000-{len(SMALL) - 1}/{len(SMALL)}"
    server.odd["/m.gguf"] = (206, {"Content-Range": span, "ETag": tag}, [bytes(len(SMALL) - 1000)])
    with pytest.raises(DownloadError, match="another part"):
        fetch_url(recorder.transfer, source, retry_wait_s=0)
    assert names(recorder.transfer.folder) == set()


@pytest.mark.parametrize("ends", ["cut", "given up"])
def test_what_cannot_be_continued_does_not_stay(server, recorder, ends):
    server.files["/m.gguf"] = BODY
    server.can_resume = False
    server.cuts = [1_000_000] * 6
    if ends == "given up":
        recorder.transfer.bus.subscribe(lambda event: recorder.transfer.cancel.set())
    with pytest.raises(DownloadError):
        fetch_url(recorder.transfer, UrlSource(f"{server.url}/m.gguf"), retry_wait_s=0)
    assert names(recorder.transfer.folder) == set()


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {"Content-Length": "5, 7"}),
        (204, {}),
        (302, {"Location": "file:///etc/passwd"}),
        (302, {"Location": "/m.gguf"}),
        (200, {"Content-Length": "0"}),
    ],
)
def test_an_answer_that_is_no_file_is_told_and_leaves_nothing(server, recorder, status, headers):
    server.odd["/m.gguf"] = (status, headers, [])
    with pytest.raises(DownloadError):
        fetch_url(recorder.transfer, UrlSource(f"{server.url}/m.gguf"), retry_wait_s=0)
    assert not (recorder.transfer.folder / "m.gguf").exists()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n", id="heads without an end"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_whoever_gives_up_leaves_no_connection_behind(recorder, sent):
    """The server goes on for as long as somebody listens; nobody does."""
    left = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                connection.recv(4096)
                asked.set()
                while sent:
                    connection.sendall(sent)
                while connection.recv(4096):
                    pass
            left.set()

        asked = threading.Event()
        threading.Thread(target=serve, daemon=True).start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/m.gguf"
        fetching = ThreadPoolExecutor(1).submit(fetch_url, recorder.transfer, UrlSource(address))
        assert asked.wait(60)
        recorder.transfer.cancel.set()
        with pytest.raises(DownloadError, match="cancelled"):
            fetching.result(timeout=60)
        assert left.wait(60)


def test_no_answer_lasts_longer_than_its_client_wants():
    """As the hub's do, and the measuring of how fast a file begins to come."""
    connections = Connections()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                while True:
                    connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with (
            httpx.Client(event_hooks=connections.hooks, trust_env=False) as client,
            connections.ended_after(0.1),
            pytest.raises(httpx.TransportError),
        ):
            client.get(address)


def test_who_was_ended_connects_in_vain(server):
    server.files["/m"] = SMALL
    connections = Connections()
    with httpx.Client(event_hooks=connections.hooks, trust_env=False) as client:
        assert client.get(f"{server.url}/m").content == SMALL
    connections.end()
    with (
        httpx.Client(event_hooks=connections.hooks, trust_env=False) as client,
        pytest.raises((httpx.TransportError, OSError)),
    ):
        client.get(f"{server.url}/m")


def test_who_sends_a_few_bytes_now_and_then_is_given_up_and_what_came_stays(server, recorder):
    server.files["/m.gguf"] = BODY
    server.hold_after = 1000
    source = UrlSource(f"{server.url}/m.gguf", SHA256)
    meter, now = recorder.transfer.meter, itertools.count(0, 61)
    recorder.transfer.meter = RateMeter(lambda: next(now))  # a minute goes by with each look
    with pytest.raises(DownloadError, match="bytes came in"):
        fetch_url(recorder.transfer, source, retry_wait_s=0)
    assert len(server.requests) == 5
    kept_bytes = (recorder.transfer.staging / "m.gguf.part").stat().st_size
    assert 0 < kept_bytes <= 5000
    recorder.transfer.meter, server.hold_after = meter, None
    assert fetch_url(recorder.transfer, source).read_bytes() == BODY
    assert ranges(server)[-1] == f"bytes={kept_bytes}-"
