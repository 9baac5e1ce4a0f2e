"""The one folder whose files tools may use.

Owns the border: what a model names is looked up inside the folder, and a path that
leads out of it, by ``..``, from the root or through a symbolic link, is refused.
What is done with a file is the tools' own.
"""

from __future__ import annotations

from pathlib import Path

from airunner.errors import StorageError, ToolRetryError


class FilesFolder:
    """Files below ``path``, which is made when it is first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """The folder itself, without symbolic links.

        Raises:
            StorageError: it cannot be made.
        """
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            return self._path.resolve(strict=True)
        except OSError as error:
            raise StorageError(self._path, error.strerror or str(error)) from error

    def locate(self, name: str) -> Path:
        """Where ``name`` is or would be; relative names are meant inside the folder.

        Raises:
            ToolRetryError: it is outside of the folder, or no file's name at all.
            StorageError: the folder cannot be made.
        """
        root, wanted = self.path, name.strip()
        if not wanted or "\0" in wanted:
            raise ToolRetryError("Give the name of a file.")
        try:
            path = (root / Path(wanted).expanduser()).resolve()
            path.exists()
        except (OSError, RuntimeError) as error:  # too long, a loop of links, no such user
            raise ToolRetryError(f"{name!r} cannot be a file's name: {error}") from None
        if not path.is_relative_to(root):
            raise ToolRetryError(
                f"{name!r} is outside of {root}, the only folder whose files may be used. "
                "Name a file inside it; the user can choose another folder with --files."
            )
        return path

    def existing(self, name: str) -> Path:
        """The file called ``name``.

        Raises:
            ToolRetryError: there is no such file, with similar names if there are any.
            StorageError: the folder cannot be made.
        """
        path = self.locate(name)
        if path.is_file():
            return path
        if path.is_dir():
            raise ToolRetryError(f"{name!r} is a folder; name a file.")
        similar = self._similar(path.name)
        known = f" There is {', '.join(similar)}." if similar else ""
        raise ToolRetryError(f"There is no file {name!r} in {self.path}.{known}")

    def name_of(self, path: Path) -> str:
        """How ``path`` is called inside the folder, with ``/`` on every system."""
        return path.relative_to(self.path).as_posix()

    def _similar(self, name: str) -> list[str]:
        from difflib import get_close_matches  # only needed when something is wrong

        names = [self.name_of(path) for path in sorted(self.path.glob("*"))[:1000]]
        return get_close_matches(name, names, n=3)
