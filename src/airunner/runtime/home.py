"""Where the runtime keeps things in the home folder, for those who read them without one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from airunner.config.settings import Settings
from airunner.resources.session_folder import is_writable

MEMORY_FILE_SYSTEM = Path("/dev/shm")
"""Where parked state lies in host memory; where it does not exist, disk serves alone."""


def runs_folder(settings: Settings) -> Path:
    """Where run logs are kept."""
    return settings.home / "runs"


def workers_folder(settings: Settings) -> Path:
    """Where workers' private files are; elsewhere, where the home folder cannot be written.

    What only looks, such as a list of models, then serves all the same.
    """
    home = settings.home
    return home / "run" if is_writable(home) else Path(tempfile.gettempdir())


def records_file(settings: Settings) -> Path:
    """The database of conversations, notes, facts and reminders."""
    return settings.home / "records.sqlite3"


def drawings_file(settings: Settings) -> Path:
    """The queue of a server's drawings."""
    return settings.home / "drawings.json"


def starts_folder(settings: Settings) -> Path:
    """Pictures that were handed over for drawings to begin with, and masks over pictures."""
    return settings.home / "starts"


def downloads_file(settings: Settings) -> Path:
    """The queue of a server's downloads."""
    return settings.home / "downloads.json"
