"""The one folder whose files tools may use, and the files attached to a conversation.

Owns the border: what a model names is looked up inside the folder, and a path that
leads out of it, by ``..``, from the root or through a symbolic link, is refused. What is
attached to the conversation can be read under its own name, or as ``attached/<name>``.
Rules and tools ask here alike, so neither can take a name for another file than the other.
What is done with a file is the tools' own.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from airunner.errors import ToolRetryError
from airunner.errors.base import alike
from airunner.errors.writing import writing
from airunner.records.attached_text import ATTACHED
from airunner.tools.meaning import Meaning

_MOST_NAMED = 6
"""Of files that may be meant, this many are named."""


class FilesFolder:
    """Files below ``path``, which is made when it is first needed.

    Those in the folder ``attached`` can be read beside them, and no other way leads there.
    Names that are in ``meant`` have no links in them, and may get none.
    """

    def __init__(
        self, path: Path, attached: Path | None = None, meant: Collection[str] = ()
    ) -> None:
        self._path, self._meant = path, frozenset(meant)
        self._attached = None if attached is None else attached.resolve()

    def with_attached(self, folder: Path | None) -> FilesFolder:
        """The same folder in a conversation whose files are in ``folder``."""
        return FilesFolder(self._path, folder)

    def as_meant(self, names: Collection[str]) -> FilesFolder:
        """The same folder for a call that was allowed with ``names``, as ``meaning`` spells them.

        Where one leads elsewhere by now, through a link that was put there, it is refused.
        """
        return FilesFolder(self._path, self._attached, names)

    @property
    def path(self) -> Path:
        """The folder itself, without symbolic links.

        Raises:
            StorageError: it cannot be made.
        """
        with writing(self._path):
            self._path.mkdir(parents=True, exist_ok=True)
            return self._path.resolve(strict=True)

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
        if name in self._meant and path != root / name:
            raise ToolRetryError(f"{name!r} leads elsewhere by now: a link was put there.")
        if not path.is_relative_to(root):
            raise ToolRetryError(
                f"{name!r} is outside of {root}, the only folder whose files may be used. "
                "Name a file inside it; the user can choose another folder with --files."
            )
        return _as_on_disk(root, path)

    def meaning(self, name: str) -> Meaning:
        """What ``name`` means: the path inside the folder, without links, as the disk spells it.

        A slash at its end, which asks for a folder, stays.

        Raises:
            ToolRetryError: see ``locate``; or a file has a name that cannot be written here.
            StorageError: the folder cannot be made.
        """
        path = self.locate(name)
        text = self.name_of(path)
        if self.locate(text) != path:  # blanks around it, or a ~ before it
            raise ToolRetryError(f"{name!r} leads to {text!r}, which cannot be named here.")
        around = f"{self.name_of(path.parent)}/*" if path != self.path else "./*"
        end = "/" * (name.rstrip().endswith(("/", os.sep)) and path != self.path)
        named = os.path.normpath(self.path / Path(name.strip()).expanduser())
        near = (named, os.path.relpath(named, self.path))
        return Meaning(text + end, (str(path) + end,), near, around, str(self.path))

    def existing(self, name: str) -> Path:
        """The file called ``name``, in the folder itself.

        Raises:
            ToolRetryError: there is no such file, with similar names if there are any.
            StorageError: the folder cannot be made.
        """
        path = self.locate(name)
        if path.is_file():
            return path
        if path.is_dir():
            raise ToolRetryError(f"{name!r} is a folder; name a file.")
        known = self._instead_of(path.name)
        raise ToolRetryError(f"There is no file {name!r} in {self.path}.{known}")

    def readable(self, name: str) -> Path:
        """The file called ``name``, to be read: one that is attached, or one in the folder.

        Raises:
            ToolRetryError, StorageError: see ``existing``.
        """
        return self._attached_file(name) or self.existing(name)

    def readable_meaning(self, name: str) -> Meaning:
        """What ``name`` means to a tool that reads; see ``meaning``."""
        path = self._attached_file(name)
        if path is None:
            return self.meaning(name)
        around, folder = f"{ATTACHED}*", str(self.path)
        return Meaning(self.name_of(path), (str(path),), around=around, folder=folder)

    def attached(self) -> list[Path]:
        """The files that are attached."""
        if self._attached is None:
            return []
        return sorted(p for p in self._attached.glob("*") if p.is_file() and not p.is_symlink())

    def name_of(self, path: Path) -> str:
        """How ``path`` is called here, with ``/`` on every system."""
        if self._attached is not None and path.parent == self._attached:
            return ATTACHED + path.name
        return path.relative_to(self.path).as_posix()

    def _attached_file(self, name: str) -> Path | None:
        """The attached file of this name; without ``attached/`` if the folder has none such."""
        wanted = name.strip()
        bare = wanted.removeprefix(ATTACHED)
        path = next((path for path in self.attached() if path.name == bare), None)
        if path is None or (bare == wanted and self.locate(bare).exists()):
            return None
        return path

    def _instead_of(self, name: str) -> str:
        """A sentence with the files that were meant instead: of a like name, or of the same kind.

        Where there are none such, any.
        """
        paths = [*self.attached(), *sorted(self.path.glob("*"))[:1000]]
        known = {path.name: self.name_of(path) for path in reversed(paths)}
        kind = Path(name).suffix.casefold()
        same = [each for each in known if kind and Path(each).suffix.casefold() == kind]
        near = dict.fromkeys([*alike(name, known, 3), *sorted(same)]) or known
        shown = [known[each] for each in [*near][:_MOST_NAMED]]
        more = f" and {len(near) - len(shown)} more" if len(near) > len(shown) else ""
        return f" There is {', '.join(shown)}{more}." if shown else ""


def file_meant(name: str, _: Mapping[str, Any], files: FilesFolder | None) -> Meaning:
    """How a tool that reads files resolves a name; see ``FilesFolder.readable_meaning``."""
    return files.readable_meaning(name) if files is not None else Meaning(name)


def _as_on_disk(root: Path, path: Path) -> Path:
    """``path`` in the letters that its folders list, where upper and lower case are the same."""
    found = root
    for part in path.relative_to(root).parts:
        other = found / part.swapcase()
        try:
            is_same = part.swapcase() != part and other.samefile(found / part)
            spelled = _listed(found, part) if is_same else part
        except OSError:  # not there, so there is no other spelling
            spelled = part
        found /= spelled
    return found


def _listed(folder: Path, part: str) -> str:
    """How ``folder`` spells ``part``, which it has."""
    names = os.listdir(folder)
    if part in names:
        return part
    return next(name for name in [*names, part] if name.casefold() == part.casefold())
