"""The port of the server before anybody serves on it."""

from __future__ import annotations

import socket

import pytest

from airunner.access.listening import listening
from airunner.errors import PortTakenError


def test_who_connects_before_the_first_accept_waits_and_a_second_server_is_refused() -> None:
    with listening("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            accepted, _ = sock.accept()
            accepted.close()
        with pytest.raises(PortTakenError, match="server of another --home"):
            listening("127.0.0.1", port)
