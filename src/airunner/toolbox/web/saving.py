"""A file of the web saved into the files folder.

Owns what the file is called, and that there is room for it. That it is there whole or not
at all is ``files.saving``. Nothing is ever overwritten.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airunner.config.byte_size import format_bytes
from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.files.saving import written
from airunner.toolbox.web.fetcher import Fetcher
from airunner.tools.meaning import Meaning

if TYPE_CHECKING:
    from airunner.tools.files_folder import FilesFolder

MAX_FILE_BYTES = 100_000_000
FILE_S = 1800.0

_REPORT_BYTES = 5_000_000
_UNSAFE = re.compile(r"[^\w.()+-]+")
_LONGEST_NAME = 120


def save_file(
    fetcher: Fetcher,
    address: str,
    path: str,
    files: FilesFolder,
    is_cancelled: Callable[[], bool],
    report: Callable[[str], None],
) -> str:
    """Save what is at ``address`` and say where.

    Args:
        fetcher: fetches it.
        address: where it is.
        path: its name in the folder, or a folder there; empty for the name it has on the web.
        files: the folder.
        is_cancelled: asked before every step.
        report: told how far it is.

    Raises:
        ToolRetryError: the name or the address will not do, or the file exists.
        ToolFailedError: it cannot be fetched or stored; nothing is left of it then.
        StorageError: the folder cannot be made.
    """
    target = _target(files, path, address)
    with fetcher.open(
        address,
        max_bytes=MAX_FILE_BYTES,
        total_s=FILE_S,
        is_cancelled=is_cancelled,
        may_compress=False,
    ) as answer:
        _require_space(fetcher.tool, files, answer.announced_bytes)
        total = answer.announced_bytes
        of_total = "" if total is None else f" of {format_bytes(total)}"
        size = reported = 0
        with written(target, fetcher.tool, replace=False) as file:
            for piece in answer.pieces():
                size += file.write(piece)
                if size - reported >= _REPORT_BYTES:
                    reported = size
                    report(f"{format_bytes(size)}{of_total}")
        kind = answer.media_type or "unknown content"
    return f"Saved {files.name_of(target)} ({format_bytes(size)}, {kind}) from {answer.url}."


def saved_meant(path: str, others: Mapping[str, Any], files: FilesFolder | None) -> Meaning:
    """What a tool that saves what is at ``url`` means by ``path``.

    Raises:
        ToolRetryError, StorageError: see ``FilesFolder.locate``.
    """
    if files is None:
        return Meaning(path)
    return files.meaning(str(_place(files, path, str(others["url"]))))


def _place(files: FilesFolder, path: str, address: str) -> Path:
    target = files.locate(path) if path.strip() else files.path
    if target.is_dir() or path.rstrip().endswith("/"):
        target = files.locate(str(target / _name_on_the_web(address)))
    return target


def _target(files: FilesFolder, path: str, address: str) -> Path:
    """Where the file will be, which is nowhere yet."""
    target = _place(files, path, address)
    if target.exists():
        raise ToolRetryError(
            f"There is a file {files.name_of(target)!r} already, and nothing is overwritten; "
            "give another name as path."
        )
    return target


def _name_on_the_web(address: str) -> str:
    parts = urlsplit(address.strip())
    name = _UNSAFE.sub("_", unquote(PurePosixPath(parts.path).name)).lstrip(".")
    if name:
        return name[-_LONGEST_NAME:].lstrip(".")
    return f"{_UNSAFE.sub('_', parts.hostname or 'page')}.html"


def _require_space(tool: str, files: FilesFolder, needed_bytes: int | None) -> None:
    free_bytes = shutil.disk_usage(files.path).free
    if needed_bytes is not None and needed_bytes > free_bytes:
        raise ToolFailedError(
            tool,
            f"the file has {format_bytes(needed_bytes)}, but {format_bytes(free_bytes)} are free",
        )
