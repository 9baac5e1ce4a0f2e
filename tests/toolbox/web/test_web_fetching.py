"""What a server may send: redirects, sizes, compression, silence, and what each failure says."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from itertools import count

import pytest

from airunner import __version__
from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.web.answer import Answer
from airunner.toolbox.web.fetcher import MAX_REDIRECTS, Fetcher

TEXT = b"The river rose. The town was warned. " * 5000


def raw_deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return engine.compress(data) + engine.flush()


def test_a_page_comes_with_its_kind_and_encoding(web, fetcher) -> None:
    address = web.give("/a?b=ö&c=1 2#part", "hello", 'Text/HTML; charset="ISO-8859-1"')
    web.replies["/a?b=%C3%B6&c=1%202"] = web.replies.pop("/a?b=ö&c=1 2#part")
    with fetcher.open(address, max_bytes=1000, total_s=60) as answer:
        assert (answer.media_type, answer.charset) == ("text/html", "iso-8859-1")
        assert answer.announced_bytes == 5
        assert answer.url == "http://site.example/a?b=%C3%B6&c=1%202"
        assert answer.read() == b"hello"
    ((_, headers),) = web.requests
    assert headers["User-Agent"] == f"AIRunner/{__version__}"
    assert headers["Host"] == "site.example"
    assert "Cookie" not in headers


def test_redirects_are_followed_one_by_one(web, fetch) -> None:
    web.give("/end", "arrived", "text/plain")
    for number in range(MAX_REDIRECTS):
        place = "/end" if number == 0 else f"{number - 1}"
        web.refuse(f"/{number}", 302, Location=place)
    assert fetch(f"http://site.example/{MAX_REDIRECTS - 1}") == b"arrived"
    assert len(web.requests) == MAX_REDIRECTS + 1


def test_an_endless_chain_of_redirects_is_given_up(web, fetch) -> None:
    with pytest.raises(ToolFailedError, match=f"more than {MAX_REDIRECTS}"):
        fetch(web.refuse("/loop", 307, Location="/loop"))
    assert len(web.requests) == MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("x-gzip", gzip.compress(TEXT)),
        ("GZIP", gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:])),
        ("gzip", gzip.compress(TEXT) + bytes(100)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("identity", TEXT),
        ("gzip", b""),
    ],
)
def test_compressed_answers_are_read(web, fetch, encoding: str, data: bytes) -> None:
    address = web.give("/", data, "text/plain", Content_Encoding=encoding)
    assert fetch(address) == (TEXT if data else b"")
    assert web.requests[0][1]["Accept-Encoding"] == "gzip, deflate"


def test_compressed_bytes_may_arrive_one_by_one() -> None:
    headers = [(b"Content-Encoding", b"gzip")]
    data = gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:])
    bytewise = (data[i : i + 1] for i in range(len(data)))
    assert Answer("a_tool", "http://x", headers, bytewise, 10**6).read() == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compression_bomb_is_expanded_in_small_pieces_and_no_further_than_allowed(
    encoding: str,
) -> None:
    engine = zlib.compressobj(9, wbits=zlib.MAX_WBITS | (16 if encoding == "gzip" else 0))
    bomb = b"".join([engine.compress(bytes(50_000_000)), engine.flush()])
    assert len(bomb) < 60_000
    answer = Answer("a_tool", "http://x", [(b"Content-Encoding", encoding.encode())], [bomb], 10**6)
    sizes = []
    with pytest.raises(ToolFailedError, match=r"larger than 1\.00 MB"):
        sizes.extend(len(piece) for piece in answer.pieces())
    assert max(sizes) <= 64 * 1024
    assert sum(sizes) <= 10**6


def test_compressed_data_that_expands_to_nothing_is_bounded_too() -> None:
    engine = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    begin = engine.compress(b"") + engine.flush(zlib.Z_FULL_FLUSH)
    nothing = engine.flush(zlib.Z_FULL_FLUSH) or b"\x00\x00\x00\xff\xff"
    endless = (begin if number == 0 else nothing * 1000 for number in count())
    headers = [(b"Content-Encoding", b"gzip")]
    with pytest.raises(ToolFailedError, match="larger than"):
        Answer("a_tool", "http://x", headers, endless, 10**6).read()


def test_more_than_allowed_is_not_read(web, fetch) -> None:
    address = web.give("/big", bytes(2_000_000), "text/plain")
    with pytest.raises(ToolFailedError, match=r"site\.example/big is larger than 1\.00 MB"):
        fetch(address)  # announced
    web.give("/big", bytes(2_000_000), "text/plain", Content_Length="")
    with pytest.raises(ToolFailedError, match="larger than"):
        fetch(address)  # found out


@pytest.mark.parametrize(
    ("data", "headers", "problem"),
    [
        (b"abc", {"Content_Encoding": "br"}, "compressed its answer with br"),
        (b"abc", {"Content_Encoding": "gzip, gzip"}, "compressed its answer with gzip, gzip"),
        (b"no gzip at all", {"Content_Encoding": "gzip"}, "damaged"),
        (gzip.compress(TEXT)[:-20], {"Content_Encoding": "gzip"}, "broke off"),
        (b"too short", {"Content_Length": "100"}, r"site\.example broke off"),
    ],
)
def test_a_damaged_answer_says_so(web, fetch, data: bytes, headers, problem: str) -> None:
    with pytest.raises(ToolFailedError, match=problem):
        fetch(web.give("/", data, "text/plain", **headers))


@pytest.mark.parametrize(
    ("status", "error", "hint"),
    [
        (404, ToolRetryError, "nothing at"),
        (410, ToolRetryError, "check the address"),
        (401, ToolFailedError, "members"),
        (403, ToolFailedError, "members"),
        (429, ToolFailedError, "try later"),
        (503, ToolFailedError, "try later"),
        (500, ToolFailedError, "out of order"),
        (418, ToolFailedError, "HTTP 418"),
        (304, ToolFailedError, "HTTP 304"),
        (302, ToolFailedError, "HTTP 302"),  # a redirect to nowhere
    ],
)
def test_a_refusal_says_what_to_do(web, fetch, status: int, error, hint: str) -> None:
    with pytest.raises(error, match=hint):
        fetch(web.refuse("/", status))


def test_a_server_that_speaks_something_else_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mail:

        def greet() -> None:
            connection, _ = mail.accept()
            with connection:
                connection.sendall(b"220 mail.example ESMTP\r\n\r\n")
                while connection.recv(65536):
                    pass

        thread = threading.Thread(target=greet)
        thread.start()
        fetcher = Fetcher(
            "a_tool", resolve=lambda *_: [mail.getsockname()], is_allowed=lambda _: True
        )
        with (
            pytest.raises(ToolFailedError, match=r"site\.example broke off"),
            fetcher.open("http://site.example/", max_bytes=1000, total_s=60),
        ):
            pass
        thread.join()


def test_a_silent_server_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        fetcher = Fetcher(
            "a_tool", resolve=lambda *_: [silent.getsockname()], is_allowed=lambda _: True
        )
        with (
            pytest.raises(ToolFailedError, match="did not answer in time"),
            fetcher.open("http://site.example/", max_bytes=1000, total_s=0.05),
        ):
            pass


def test_all_steps_together_have_a_limit(web) -> None:
    """A server that sends a little now and then must not hold a thread for ever."""
    seconds = count(step=5.0)
    slow = Fetcher(
        "a_tool",
        resolve=web.resolve,
        is_allowed=lambda _: True,
        clock=lambda: next(seconds),  # 5 s pass before every step
    )
    address = web.give("/", bytes(2_000_000), "text/plain")
    with (
        pytest.raises(ToolFailedError, match="after 1 min"),
        slow.open(address, max_bytes=10**7, total_s=60) as answer,
    ):
        answer.read()
    assert len(web.requests) == 1


def test_a_cancelled_fetch_ends_between_two_pieces(web, fetcher) -> None:
    address = web.give("/", bytes(2_000_000), "text/plain")
    received: list[bytes] = []

    def read() -> None:
        with fetcher.open(
            address, max_bytes=10**7, total_s=60, is_cancelled=lambda: bool(received)
        ) as answer:
            received.extend(answer.pieces())

    with pytest.raises(ToolFailedError, match="cancelled"):
        read()
    assert 0 < sum(map(len, received)) < 2_000_000


def test_a_fetch_cancelled_before_it_began_connects_to_nobody(web, fetcher) -> None:
    with (
        pytest.raises(ToolFailedError, match="cancelled"),
        fetcher.open("http://site.example/", max_bytes=1000, total_s=60, is_cancelled=lambda: True),
    ):
        pass
    assert web.requests == []


def test_what_the_caller_raises_while_reading_stays_what_it_is(web, fetcher) -> None:
    def read() -> None:
        address = web.give("/", "hello", "text/plain")
        with fetcher.open(address, max_bytes=1000, total_s=60) as answer:
            next(answer.pieces())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read()


def test_a_part_that_nobody_asked_for_is_no_answer(web, fetch):
    web.replies["/part"] = (206, {"Content-Range": "bytes 0-4/10"}, b"12345")
    with pytest.raises(ToolFailedError, match="a part"):
        fetch("http://site.example/part")
