"""Tools that change files in the files folder.

Owns what each refuses: to overwrite unasked, to change what it cannot change
exactly, to go through a link. Writing itself is ``files.saving``; nothing is
ever deleted, only moved to a folder from which it can be taken back.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from airunner.config.byte_size import format_bytes
from airunner.errors import ToolFailedError, ToolRetryError
from airunner.errors.system_words import system_words
from airunner.toolbox.documents.plain import PlainText, decode
from airunner.toolbox.files import saving
from airunner.toolbox.files.editing import addition, edited, encoded
from airunner.toolbox.files.target import (
    destination,
    destination_meant,
    direct,
    direct_file,
    file_target,
    free_name,
    target_meant,
)
from airunner.tools.files_folder import FilesFolder, file_meant
from airunner.tools.real_path import open_real
from airunner.tools.tool import tool

TRASH = ".trash"
"""Where deleted files go, inside the files folder."""

_Name = Annotated[str, Field(max_length=255)]
_TARGET = {"path": target_meant}


@tool(permission="write", resolve=_TARGET)
def write_file(path: _Name, content: str, overwrite: bool = False, api: Any = None) -> str:
    """Write a text file; one that exists is only replaced if overwrite is true.

    Args:
        path: its name, such as notes/plan.md.
        content: the whole text.
        overwrite: whether a file of this name may be replaced.
    """
    files: FilesFolder = api.files
    target, was = file_target(files, path, overwrite=overwrite)
    data = encoded(content, "utf-8")
    with saving.written(target, "write_file", replace=was is not None) as file:
        file.write(data)
    replaced = f", replacing {format_bytes(was)}" if was is not None else ""
    return f"Wrote {files.name_of(target)} ({format_bytes(len(data))}{replaced})."


@tool(permission="write", resolve=_TARGET)
def append_to_file(path: _Name, content: str, api: Any = None) -> str:
    """Add text at the end of a text file, on a line of its own; a new file is made if need be.

    Args:
        path: its name.
        content: the text to add.
    """
    files: FilesFolder = api.files
    if not content.strip():
        raise ToolRetryError("content is empty; pass the text that is to be added.")
    target, size_bytes = file_target(files, path, overwrite=True)
    is_new = size_bytes is None
    old = PlainText("", "utf-8") if is_new else _text_of(files, path, "append_to_file")
    data = addition(old, content)
    if is_new:
        with saving.written(target, "append_to_file", replace=False) as file:
            file.write(data)
    else:
        saving.append(target, data, "append_to_file")
    name, size = files.name_of(target), format_bytes(len(data))
    told = f"Made {name} with this text ({size})." if is_new else f"Added {size} to {name}."
    return f"{told} {old.note}".rstrip()


@tool(permission="write", resolve=_TARGET)
def edit_file(
    path: _Name, old: Annotated[str, Field(min_length=1)], new: str, api: Any = None
) -> str:
    """Replace one exact passage of a text file, which must be in it exactly once.

    Args:
        path: the file's name.
        old: the passage as it is in the file, with as much around it as makes it unique.
        new: what takes its place; empty to take it out.
    """
    files: FilesFolder = api.files
    target = direct_file(files, path)
    name = files.name_of(target)
    text = _text_of(files, path, "edit_file")
    edit = edited(text, old, new, name)
    with saving.written(target, "edit_file") as file:
        file.write(edit.data)
    return f"Changed {name} at line {edit.line}. {text.note}".rstrip()


@tool(permission="write", resolve={"path": file_meant, "to": destination_meant})
def copy_file(path: _Name, to: _Name, overwrite: bool = False, api: Any = None) -> str:
    """Copy a file.

    Args:
        path: the file to copy.
        to: the copy's name, or a folder for it.
        overwrite: whether a file of that name may be replaced.
    """
    files: FilesFolder = api.files
    source = files.readable(path)
    target = destination(files, source, to, overwrite=overwrite)
    saving.copy(source, target, "copy_file", replace=overwrite)
    return f"Copied {files.name_of(source)} to {files.name_of(target)}."


@tool(permission="write", resolve={"path": target_meant, "to": destination_meant})
def move_file(path: _Name, to: _Name, overwrite: bool = False, api: Any = None) -> str:
    """Move or rename a file; also takes a deleted one back out of .trash.

    Args:
        path: the file to move.
        to: its new name, or a folder for it.
        overwrite: whether a file of that name may be replaced.
    """
    files: FilesFolder = api.files
    source = direct_file(files, path)
    target = destination(files, source, to, overwrite=overwrite)
    saving.move(source, target, "move_file")
    return f"Moved {files.name_of(source)} to {files.name_of(target)}."


@tool(permission="write", resolve=_TARGET)
def delete_file(path: _Name, api: Any = None) -> str:
    """Delete a file: it goes to the folder .trash, from which it can be taken back.

    Args:
        path: its name.
    """
    files: FilesFolder = api.files
    source = direct_file(files, path)
    name = files.name_of(source)
    if source.is_relative_to(files.path / TRASH):
        raise ToolRetryError(f"{name} is deleted already; only the user can empty {TRASH}.")
    target = free_name(direct(files, f"{TRASH}/{name}"))
    saving.move(source, target, "delete_file")
    kept = files.name_of(target)
    return f"Deleted {name}: it is now {kept}, and move_file from there takes it back."


def _text_of(files: FilesFolder, name: str, tool_name: str) -> PlainText:
    path = files.existing(name)
    try:
        with open_real(path) as file:
            data = file.read(saving.MOST_BYTES + 1)
        if len(data) > saving.MOST_BYTES:
            size_bytes = path.stat().st_size
            raise ToolFailedError(tool_name, f"{name} is too large ({format_bytes(size_bytes)})")
        return decode(data, files.name_of(path))
    except OSError as error:
        raise ToolFailedError(tool_name, f"{name}: {system_words(error)}") from error
    except ToolFailedError as error:  # the reader does not know for which tool it reads
        if error.tool == tool_name:
            raise
        raise ToolFailedError(tool_name, f"{error.tool}: {error.problem}") from error
