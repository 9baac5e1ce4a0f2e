"""Another user of the machine at ``airunner serve``, which asks programs there for no key."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.conftest import Server, serving

from airunner.access.peer import found_owner, is_another_users, listed_owner

NOBODY = 65534
SCRIPT = r"""
exec 3<>/dev/tcp/127.0.0.1/$1
printf '%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n' "$2" "$3" >&3
printf "$5" >&3
printf 'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' "${#4}" "$4" >&3
read -r _ status _ <&3
echo "$status"
"""
WRITING = '{"arguments": {"path": "mine.txt", "content": "x"}, "approved": true}'

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        os.geteuid() != 0 or not Path("/proc/net/tcp").exists(),
        reason="only root can be another user",
    ),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    with serving(home) as found:
        yield found


def status(
    server: Server, user: int, method: str, path: str, body: str = "", headers: str = ""
) -> str:
    """What a user's program is answered."""
    port = server.presence.url.rpartition(":")[2]
    line = ["bash", "-c", SCRIPT, "bash", port, method, path, body, headers]
    done = subprocess.run(line, user=user, cwd="/", capture_output=True, text=True, timeout=300)
    return done.stdout.strip()


@pytest.mark.parametrize("user", [0, NOBODY])
def test_only_the_servers_user_has_tools_run_and_manages(server: Server, user: int) -> None:
    is_owner = user == 0
    assert status(server, user, "GET", "/v1/models") == "200"
    for method, path in (("GET", "/api/v1/conversations"), ("GET", "/api/v1/tools")):
        assert status(server, user, method, path) == ("200" if is_owner else "403")
    written = status(server, user, "POST", "/api/v1/tools/write_file", WRITING)
    assert written == ("200" if is_owner else "403")
    file = server.home / "files" / "mine.txt"
    assert file.exists() is is_owner
    file.unlink(missing_ok=True)


EVENTS = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"


@pytest.mark.parametrize("user", [0, NOBODY])
def test_another_users_browser_has_no_page_and_hears_of_none(server: Server, user: int) -> None:
    """A page's events come by plain requests as well, where there is no socket."""
    pytest.importorskip("nicegui")
    for path, owners in (("/chat", "200"), ("/notes/1", "200"), (EVENTS, "200"), ("/none", "404")):
        found = status(server, user, "GET", path, headers="Accept: text/html\\r\\n")
        assert found == (owners if user == 0 else "403"), path


@pytest.mark.parametrize(
    "headers",
    [
        "X-Forwarded-For: 8.8.8.8\\r\\n",
        "X-Forwarded-For: 127.0.0.1, 8.8.8.8\\r\\nX-Forwarded-Proto: https\\r\\n",
        "Forwarded: for=8.8.8.8\\r\\nX-Real-IP: 8.8.8.8\\r\\n",
    ],
)
def test_nobody_can_say_to_come_from_elsewhere(server: Server, headers: str) -> None:
    """From beyond this machine only those are let in who have a key, so no user is asked for."""
    assert status(server, NOBODY, "GET", "/api/v1/tools", headers=headers) == "403"


def test_a_connection_that_its_program_has_closed_is_nobodys() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        mine = socket.create_connection(listening.getsockname())
        there, client = listening.accept()
        with there:
            assert not is_another_users(client, listening.getsockname())
            mine.sendall(b"GET / HTTP/1.1\r\n\r\n")
            mine.close()
            assert is_another_users(client, listening.getsockname())


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_kernel_and_its_table_tell_of_the_same_owner(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listening = socket.create_server((address, 0), family=family)
    except OSError:
        pytest.skip("no such address here")
    with listening:
        ends = listening.getsockname()[:2]
        with socket.create_connection(ends) as mine:
            listed = listed_owner(mine.getsockname()[:2], ends)
            assert listed is not None
            assert listed.user == os.geteuid()
            assert found_owner(mine.getsockname()[:2], ends) in (listed, None)
    assert found_owner(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
