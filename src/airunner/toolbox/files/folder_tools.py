"""Tools for folders: what is there, which file says something, a new one.

Files are changed by ``file_tools``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from airunner.config.byte_size import format_bytes
from airunner.errors import ToolFailedError, ToolRetryError
from airunner.errors.system_words import system_words
from airunner.toolbox.files.folder_walk import Entry, entry_of, folder_at, walk
from airunner.toolbox.files.line_search import Searched, lines_matching, searched
from airunner.toolbox.files.target import direct, target_meant
from airunner.tools.files_folder import FilesFolder, file_meant
from airunner.tools.real_path import made_folder
from airunner.tools.tool import tool

_MOST_LISTED = 60
_Name = Annotated[str, Field(max_length=255)]
_Pattern = Annotated[str, Field(max_length=100)]
_ORDERS: dict[str, Callable[[Entry], float]] = {
    "newest": lambda entry: -entry.modified_s,
    "largest": lambda entry: -entry.size_bytes,
}


@tool(permission="read", resolve={"path": file_meant})
def list_files(
    path: _Name = "",
    pattern: _Pattern = "*",
    deep: bool = False,
    sort: Literal["name", "newest", "largest"] = "name",
    api: Any = None,
) -> str:
    """List the files in a folder, with sizes and dates.

    Args:
        path: the folder; empty for the whole files folder.
        pattern: which names, such as *.pdf.
        deep: whether to look into the folders below too.
        sort: the order.
    """
    files: FilesFolder = api.files
    start = folder_at(files, path)
    found = [
        entry
        for entry in walk(files, start, _shell_pattern(pattern), deep=deep)
        if not api.forbids("path", entry.name)
    ]
    where = "the files folder" if start == files.path else f"{files.name_of(start)}/"
    if not found:
        which = "" if pattern == "*" else f" called {pattern!r}"
        return f"There is nothing{which} in {where}."
    if order := _ORDERS.get(sort):
        found.sort(key=order)
    more = len(found) - _MOST_LISTED
    lines = [f"{len(found)} in {where}:", *(_line(entry) for entry in found[:_MOST_LISTED])]
    if more > 0:
        lines.append(f"... and {more} more; a pattern or a folder's name shows fewer.")
    return "\n".join(lines)


@tool(permission="read", resolve={"path": file_meant})
def find_in_files(
    text: Annotated[str, Field(min_length=1, max_length=200)],
    path: _Name = "",
    pattern: _Pattern = "*",
    regex: bool = False,
    max_results: Annotated[int, Field(ge=1, le=50)] = 20,
    api: Any = None,
) -> str:
    """Find lines in text files, with line numbers; upper and lower case are the same.

    Args:
        text: what to find.
        path: a folder or one file; empty for all files.
        pattern: which names, such as *.md.
        regex: whether text is a regular expression.
        max_results: how many lines at most.
    """
    below = searched(_entries(api, path, _shell_pattern(pattern)), lambda: api.cancelled)
    wanted = text if regex else re.escape(text)
    found = lines_matching(below.texts, wanted, is_cancelled=lambda: api.cancelled)
    if not found:
        return f"{text!r} is not in {_how_many(below)}"
    places = "1 line has" if len(found) == 1 else f"{len(found)} lines have"
    lines = [f"{places} {text!r} in {_how_many(below)}"]
    lines += [
        f"{below.names[line.text]}:{line.number}: {line.shown}" for line in found[:max_results]
    ]
    if len(found) > max_results:
        lines.append(f"... and {len(found) - max_results} more lines.")
    return "\n".join(lines)


@tool(permission="write", resolve={"path": target_meant})
def make_folder(path: _Name, api: Any = None) -> str:
    """Make a folder, with the folders above it.

    Args:
        path: its name, such as notes/2026.
    """
    files: FilesFolder = api.files
    target = direct(files, path)
    name = files.name_of(target)
    if target.is_dir():
        return f"The folder {name} exists already."
    try:
        with made_folder(target):
            pass
    except (FileExistsError, NotADirectoryError):
        raise ToolRetryError(f"{name}, or a part of it, is a file; choose another name.") from None
    except OSError as error:
        raise ToolFailedError("make_folder", system_words(error)) from error
    return f"Made the folder {name}."


def _entries(api: Any, path: str, pattern: str) -> list[Entry]:
    """The one file called ``path``, or those in and below the folder that no rule denies."""
    files: FilesFolder = api.files
    if path.strip() and not files.locate(path).is_dir():
        return [entry_of(files, files.readable(path))]
    found = walk(files, folder_at(files, path), pattern, deep=True)
    return [entry for entry in found if not api.forbids("path", entry.name)]


def _shell_pattern(pattern: str) -> str:
    """A pattern without wildcards is a part of a name, as people mean it."""
    pattern = pattern.strip() or "*"
    return pattern if set(pattern) & set("*?[") else f"*{pattern}*"


def _line(entry: Entry) -> str:
    changed = f"{datetime.fromtimestamp(entry.modified_s):%Y-%m-%d %H:%M}"
    if entry.is_folder:
        return f"{entry.name}/, folder"
    return f"{entry.name}, {format_bytes(entry.size_bytes)}, {changed}"


def _how_many(below: Searched) -> str:
    count = len(below.names)
    what = f"{count} text file{'s' * (count != 1)}"
    if not below.passed_over:
        return f"{what}."
    return (
        f"{what}; {below.passed_over} more were passed over: no plain text, or too large "
        "(search_documents reads PDF and Word)."
    )
