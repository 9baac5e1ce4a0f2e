"""Who gives something up is not kept waiting: every wait for a network or a process ends soon.

Each wait here would last 20 seconds and more; it is given up once it has begun.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from airunner.errors import ToolFailedError
from airunner.toolbox.files.line_search import lines_matching
from airunner.toolbox.tables.query_process import answer
from airunner.toolbox.web.fetcher import Fetcher
from airunner.toolbox.web.search_process import ask_services

SOON_S = 15.0
"""The promise is one second; a busy machine gets more."""


class GivenUp:
    """A call on a thread, which is given up when it has ``begun``."""

    def __init__(self, work: Callable[[Callable[[], bool]], object]) -> None:
        self._cancelled = threading.Event()
        self._error: BaseException | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._work(self._cancelled.is_set)
        except BaseException as error:
            self._error = error

    def after(self, begun: threading.Event) -> BaseException | None:
        """How it ended."""
        self._thread.start()
        assert begun.wait(300), "it never began"
        self._cancelled.set()
        self._thread.join(SOON_S)
        assert not self._thread.is_alive(), "it still waits"
        return self._error


@contextmanager
def stalling(sent: bytes, begun: threading.Event) -> Iterator[tuple[str, int]]:
    """A server that says ``sent`` to whoever connects, and then nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        kept: list[socket.socket] = []

        def serve() -> None:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            kept.append(connection)
            connection.recv(4096)
            connection.sendall(sent)
            begun.set()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        host, port = listening.getsockname()[:2]
        yield str(host), int(port)
        for connection in kept:
            connection.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize(
    ("scheme", "sent"),
    [
        ("http", b""),
        ("http", b"HTTP/1.1 200 OK\r\nContent-"),
        ("http", HEAD),
        ("http", HEAD + b"some of it"),
        ("https", b""),
    ],
    ids=["nothing", "half a head", "a head", "a part", "no handshake"],
)
def test_a_server_that_stalls_is_left(scheme: str, sent: bytes) -> None:
    begun = threading.Event()
    with stalling(sent, begun) as place:
        fetcher = Fetcher(
            "download_file",
            resolve=lambda *_: [place],
            is_allowed=lambda _: True,
            ssl_context=ssl.create_default_context(),
        )

        def fetch(is_cancelled: Callable[[], bool]) -> None:
            address = f"{scheme}://site.example/"
            options = {"max_bytes": 10**7, "total_s": 1800.0, "is_cancelled": is_cancelled}
            with fetcher.open(address, **options) as found:  # type: ignore[arg-type]
                for _ in found.pieces():
                    pass

        error = GivenUp(fetch).after(begun)
    assert isinstance(error, ToolFailedError)
    assert "cancelled" in str(error)


def test_a_search_that_nobody_waits_for_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ddgs")
    begun = threading.Event()
    with stalling(b"", begun) as (host, port):
        monkeypatch.setenv("DDGS_PROXY", f"http://{host}:{port}")
        asked = GivenUp(lambda is_cancelled: ask_services("rivers", 2, is_cancelled))
        assert "given up" in str(asked.after(begun))
    command = "airunner.toolbox.web.search_process"
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # one that other tests share may end
            assert command not in child.cmdline()


def test_a_name_that_takes_for_ever_to_look_up_is_left() -> None:
    begun, never = threading.Event(), threading.Event()

    def resolve(host: str, port: int) -> list[tuple[str, int]]:
        begun.set()
        never.wait(300)
        return []

    fetcher = Fetcher("download_file", resolve=resolve)

    def fetch(is_cancelled: Callable[[], bool]) -> None:
        with fetcher.open(
            "http://site.example/", max_bytes=1, total_s=1800, is_cancelled=is_cancelled
        ):
            pass

    error = GivenUp(fetch).after(begun)
    never.set()
    assert "cancelled" in str(error)


def test_a_connection_that_nobody_takes_is_left() -> None:
    """The queue of the listening socket is full, so that a handshake of TCP is not answered."""
    begun = threading.Event()
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            waiting.append(filler)

        def resolve(host: str, port: int) -> list[tuple[str, int]]:
            begun.set()
            return [full.getsockname()]

        fetcher = Fetcher("download_file", resolve=resolve, is_allowed=lambda _: True)

        def fetch(is_cancelled: Callable[[], bool]) -> None:
            with fetcher.open(
                "http://site.example/", max_bytes=1, total_s=1800, is_cancelled=is_cancelled
            ):
                pass

        error = GivenUp(fetch).after(begun)
        for filler in waiting:
            filler.close()
    assert "cancelled" in str(error)


def test_a_process_that_computes_for_long_is_ended(tmp_path: Path) -> None:
    begun = threading.Event()

    def noticed(is_cancelled: Callable[[], bool]) -> Callable[[], bool]:
        def ask() -> bool:
            begun.set()  # it is waited for
            return is_cancelled()

        return ask

    def match(is_cancelled: Callable[[], bool]) -> None:
        lines_matching(["a" * 5000 + "!"], "(a+)+$", 600, noticed(is_cancelled))

    assert "given up" in str(GivenUp(match).after(begun))
    pytest.importorskip("duckdb")
    begun.clear()
    table = tmp_path / "t.csv"
    table.write_text("a\n1\n", encoding="utf-8")
    sql = "SELECT count(*) FROM range(100000000) x, range(100000000) y, t"

    def query(is_cancelled: Callable[[], bool]) -> None:
        answer(table, "t.csv", sql, "query_table", noticed(is_cancelled))

    assert "given up" in str(GivenUp(query).after(begun))
