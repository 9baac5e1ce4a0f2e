"""Nothing but public addresses can be reached, however they are written."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from airunner.errors import ToolError, ToolFailedError, ToolRetryError
from airunner.toolbox.web.fetcher import Fetcher
from airunner.toolbox.web.guarded_network import look_up
from airunner.toolbox.web.public_address import is_public

STRICT = Fetcher("a_tool")


def fetched(fetcher: Fetcher, address: str) -> bytes:
    with fetcher.open(address, max_bytes=1_000_000, total_s=60) as answer:
        return answer.read()


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:8080/",
        "https://127.0.0.1:8443/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://[::1]/",
        "http://[::]/",
        "http://0.0.0.0/",
        "http://0/",
        "http://127.1/",
        "http://127.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://168.63.129.16/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://198.18.0.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://[fd00::1]/",
        "http://[fe80::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[ff02::1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
        "http://①②⑦.⓪.⓪.①/",
        "http://%31%32%37.0.0.1/",
        "http://example.com\\@127.0.0.1/",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    seen = []

    def is_allowed(found) -> bool:
        seen.append(is_public(found))
        return seen[-1]

    with pytest.raises(ToolError):
        fetched(Fetcher("a_tool", is_allowed=is_allowed), address)
    assert True not in seen  # so nothing was connected to


def test_what_the_system_resolves_to_loopback_is_refused_and_says_why() -> None:
    for host in ("127.1", "2130706433", "0x7f000001", "017700000001"):
        try:
            look_up(host, 80)
        except OSError:
            continue  # a system that does not know this spelling
        with pytest.raises(ToolFailedError, match=r"127\.0\.0\.1, which is not on the public"):
            fetched(STRICT, f"http://{host}/")


def test_names_are_looked_up_by_the_system() -> None:
    found = look_up("localhost", 8080)
    assert found
    assert all(ip_address(address).is_loopback and port == 8080 for address, port in found)


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("ftp://site.example/a", "https://"),
        ("file:///etc/passwd", "https://"),
        ("javascript:alert(1)", "https://"),
        ("data:text/html,hello", "https://"),
        ("site.example/page", "https://"),
        ("//site.example/page", "https://"),
        ("http:///page", "https://"),
        ("https:site.example", "https://"),
        ("", "https://"),
        ("http://site.example:22/", "Port 22"),
        ("http://site.example:6379/", "Port 6379"),
        ("http://site.example:0/", "Port 0"),
        ("http://site.example:99999/", "Port 99999"),
        ("http://user:secret@site.example/", "password"),
        ("ftp://user:secret@site.example/", "password"),
        ("http://user@site.example/", "password"),
        ("http://site.example/\r\nX-Injected: 1", "no web address"),
        ("http://[::1/", "no web address"),
        (f"http://{'a' * 70}.example/", "cannot be a host's name"),
        (f"http://site.example/{'a' * 2000}", "2,000 characters"),
    ],
)
def test_what_is_no_web_address_is_sent_back_with_a_hint(address: str, hint: str) -> None:
    with pytest.raises(ToolRetryError, match=hint) as caught:
        fetched(STRICT, address)
    assert "secret" not in str(caught.value)


def test_a_name_with_a_private_address_among_public_ones_is_refused(web) -> None:
    private = ("127.0.0.1", web.port)
    for places in ([("93.184.215.14", 80), private], [private, ("93.184.215.14", 80)]):
        fetcher = Fetcher("a_tool", resolve=lambda *_, places=places: places)
        with pytest.raises(ToolFailedError, match="not on the public internet"):
            fetched(fetcher, "http://site.example/")
    assert web.requests == []


def test_a_name_that_changes_its_answer_gains_nothing(web) -> None:
    """Rebinding: the connection goes to what was checked, and nothing is looked up again."""
    address = web.give("/", "the first one", "text/plain")
    answers = [[("127.0.0.1", web.port)], [("127.0.0.2", web.port)]]
    checked = []

    def is_allowed(found) -> bool:
        checked.append(str(found))
        return str(found) == "127.0.0.1"

    fetcher = Fetcher("a_tool", resolve=lambda host, port: answers.pop(0), is_allowed=is_allowed)
    assert fetched(fetcher, address) == b"the first one"
    assert (checked, len(answers)) == (["127.0.0.1"], 1)
    with pytest.raises(ToolFailedError, match=r"127\.0\.0\.2, which is not"):
        fetched(fetcher, address)
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    "place",
    [
        "http://127.0.0.1/secret",
        "http://localhost:8080/",
        "//10.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
def test_a_redirect_to_a_private_address_is_refused(web, place: str) -> None:
    """The host of the page is let through; everything else is judged by the strict rule."""
    address = web.refuse("/away", 302, Location=place)

    def resolve(host: str, port: int):
        return web.resolve(host, port) if host == "site.example" else look_up(host, port)

    def is_allowed(found) -> bool:
        return not web.requests  # true for the first connection alone

    with pytest.raises(ToolFailedError, match="not on the public internet"):
        fetched(Fetcher("a_tool", resolve=resolve, is_allowed=is_allowed), address)
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    "place",
    ["file:///etc/passwd", "ftp://site.example/", "http://a:b@site.example/", "http://x:22/"],
)
def test_a_redirect_to_another_kind_of_address_is_refused(web, fetcher, place: str) -> None:
    with pytest.raises(ToolFailedError, match="leads on to"):
        fetched(fetcher, web.refuse("/away", 302, Location=place))
    assert len(web.requests) == 1


def test_a_connection_serves_one_name_only(web, fetcher) -> None:
    """Kept open it would serve another name at the same address, whatever its certificate."""
    web.give("/there", "arrived", "text/plain")
    address = web.refuse("/away", 301, Location="http://other.example/there")
    assert fetched(fetcher, address) == b"arrived"
    assert web.hosts == ["site.example", "other.example"]
    assert {headers["Connection"] for _, headers in web.requests} == {"close"}


def test_proxies_of_the_environment_are_not_used(web, fetcher, monkeypatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetched(fetcher, web.give("/", "direct", "text/plain")) == b"direct"


def test_the_next_address_is_tried_where_one_does_not_answer(web) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        places = [("127.0.0.1", unused.getsockname()[1]), ("127.0.0.1", web.port)]
        fetcher = Fetcher("a_tool", resolve=lambda *_: places, is_allowed=lambda _: True)
        assert fetched(fetcher, web.give("/", "second", "text/plain")) == b"second"
        del places[1]
        with pytest.raises(ToolFailedError, match=r"no connection to site\.example"):
            fetched(fetcher, "http://site.example/")


def test_a_name_without_addresses_is_sent_back() -> None:
    def unknown(host: str, port: int):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def offline(host: str, port: int):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    for resolve in (unknown, lambda *_: []):
        with pytest.raises(ToolRetryError, match=r"no host called 'site\.example'"):
            fetched(Fetcher("a_tool", resolve=resolve), "http://site.example/")
    with pytest.raises(ToolFailedError, match="no connection to the internet"):
        fetched(Fetcher("a_tool", resolve=offline), "http://site.example/")


@contextmanager
def tls_server(folder: Path, name: str, names_asked: list[str]) -> Iterator[tuple[int, Path]]:
    """Serves one page over TLS with a certificate for `name`; its port and whom to trust."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = write_certificate(folder, name)
    server.load_cert_chain(certificate)
    server.sni_callback = lambda _socket, asked, _context: names_asked.append(asked)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    if connection.recv(1, socket.MSG_PEEK) == b"":
                        return
                    try:
                        with server.wrap_socket(connection, server_side=True) as secured:
                            request = secured.recv(65536).decode()
                            host = request.partition("Host: ")[2].partition("\r\n")[0]
                            body = f"hello from {host}".encode()
                            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                            secured.sendall(head.encode() + body)
                    except OSError:
                        continue  # the client did not like the certificate

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], certificate
        finally:
            socket.create_connection(listener.getsockname()).close()  # ends the thread
            thread.join()


def write_certificate(folder: Path, name: str) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = folder / "certificate.pem"
    file.write_bytes(
        certificate.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


def test_tls_is_spoken_with_the_name_though_the_address_was_looked_up(tmp_path: Path) -> None:
    asked: list[str] = []
    with tls_server(tmp_path, "site.example", asked) as (port, certificate):
        trusting, doubting = (
            Fetcher(
                "a_tool",
                resolve=lambda *_: [("127.0.0.1", port)],
                is_allowed=lambda _: True,
                ssl_context=context,
            )
            for context in (ssl.create_default_context(cafile=certificate), None)
        )
        assert fetched(trusting, "https://site.example/") == b"hello from site.example"
        with pytest.raises(ToolFailedError, match="certificate"):
            fetched(trusting, "https://other.example/")
        with pytest.raises(ToolFailedError, match="certificate"):
            fetched(doubting, "https://site.example/")
    assert asked == ["site.example", "other.example", "site.example"]
