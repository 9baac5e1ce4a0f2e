"""The folders that this machine keeps for the user, by default.

Imports what knows them when it is asked: most processes are told their folders. Some
users have no home folder at all, as in a container whose user no file knows.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from airunner.errors import SettingsError

NOWHERE = Path("/~/no home folder")
"""In place of a folder that a user without a home folder has not got; there is nothing there."""


def default_home() -> Path:
    """For weights, conversations and logs.

    Raises:
        SettingsError: this user has no home folder.
    """
    import platformdirs

    folder = _known(lambda: platformdirs.user_data_path("airunner", appauthor=False))
    if folder == NOWHERE:
        problem = "this user has no home folder; name one with --home or AIRUNNER_HOME"
        raise SettingsError("home", str(folder), "default", problem)
    return folder


def default_configuration() -> Path:
    """For the configuration file."""
    import platformdirs

    return _known(lambda: platformdirs.user_config_path("airunner", appauthor=False))


def default_pictures() -> Path:
    """For pictures that are drawn."""
    import platformdirs

    return _known(lambda: platformdirs.user_pictures_path() / "AI Runner")


def default_files() -> Path:
    """For the files that tools may use."""
    import platformdirs

    return _known(lambda: platformdirs.user_documents_path() / "AI Runner")


def _known(find: Callable[[], Path]) -> Path:
    # Older versions of the library return what they could not expand.
    with suppress(RuntimeError):
        folder = find()
        if folder.is_absolute():
            return folder
    return NOWHERE
