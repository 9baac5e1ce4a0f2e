"""What the Linux kernel says in a small file, where there is one."""

from __future__ import annotations

from pathlib import Path


def file_text(file: Path) -> str:
    """The file's text without surrounding blanks; empty if it cannot be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def file_number(file: Path) -> int | None:
    """The whole number that the file consists of, if it does."""
    content = file_text(file)
    return int(content) if content.isdecimal() else None
