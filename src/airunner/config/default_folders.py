"""Folders of the user, where nobody named others.

Imports what finds them only when it is asked: most processes are told their folders.
"""

from __future__ import annotations

from pathlib import Path


def default_home() -> Path:
    """Where weights, conversations and logs are."""
    import platformdirs

    return Path(platformdirs.user_data_dir("airunner", appauthor=False))


def default_pictures() -> Path:
    """Where pictures are saved."""
    import platformdirs

    return platformdirs.user_pictures_path() / "AI Runner"


def default_files() -> Path:
    """Where the files are that tools may use."""
    import platformdirs

    return platformdirs.user_documents_path() / "AI Runner"
