"""The records as a program has them that uses a server.

Owns what the server is told of them: it holds the states of conversations, and its page shows
them. The file itself is read and written here.
"""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote

from airunner.config.settings import Settings
from airunner.errors import AiRunnerError, ServerGoneError
from airunner.records.records import Records
from airunner.runtime.home import records_file
from airunner.runtime.native_client import NativeClient


def attached_records(settings: Settings, client: NativeClient) -> Records:
    """The records of the home folder, of which ``client``'s server hears."""

    def forget(conversation: str) -> None:
        with suppress(ServerGoneError):  # then nothing of it is in memory, and the next one clears
            client.delete(f"/states/{quote(conversation)}")

    def tell_saved(conversation: str) -> None:
        with suppress(AiRunnerError):  # who shows it sees it later
            client.tell(f"/conversations/{quote(conversation)}/saved")

    return Records(records_file(settings), on_delete=forget, on_change=tell_saved)
