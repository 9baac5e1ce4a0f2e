"""``mcp.json``, changed by the program: an entry at a time, with all else in it as it was.

Owns writing. What an entry means, and which are wrong, is ``mcp.client.config``'s.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from airunner.config.text_file import MOST_BYTES, read_text
from airunner.config.whole_file import write_whole
from airunner.errors import SettingsError
from airunner.errors.system_words import system_words
from airunner.mcp.client.config import entries_of, has_comments, server_of, without_comments

_KEY = "mcpServers"
_SECRETS = ("env", "headers")

Entries = dict[str, Any]


class McpConfigFile:
    """The file at ``path``, which need not exist. Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writing = threading.Lock()

    def entries(self) -> Entries:
        """Every entry by its server's name, as it is written.

        Raises:
            SettingsError: the file cannot be read, or has another form.
        """
        return self._entries(self._content(self._text()))

    def put(self, name: str, entry: Mapping[str, Any]) -> None:
        """Write the entry of a server in place of the one there may be.

        Where it has ``None`` among the values of ``env`` or ``headers``, the value that is
        written already stays: nobody has to send back what is not shown.

        Raises:
            ToolServerError: the entry is wrong; the message says what.
            SettingsError: see ``entries``.
            StorageError: the file cannot be written.
        """

        def change(entries: Entries) -> None:
            whole = _with_kept(entry, entries.get(name))
            server_of(name, whole, self.path)
            entries[name] = whole

        self._change(change)

    def enable(self, name: str, enabled: bool) -> bool:
        """Have a server used or not; false if there is no entry of this name.

        Raises:
            SettingsError, StorageError: see ``put``.
        """
        found = False

        def change(entries: Entries) -> None:
            nonlocal found
            entry = entries.get(name)
            if not isinstance(entry, dict):
                return
            found = True
            if enabled:
                entry.pop("disabled", None)
            else:
                entry["disabled"] = True

        self._change(change)
        return found

    def remove(self, name: str) -> bool:
        """Take an entry out; false if there is none of this name.

        Raises:
            SettingsError, StorageError: see ``put``.
        """
        missing = object()
        found: object = missing

        def change(entries: Entries) -> None:
            nonlocal found
            found = entries.pop(name, missing)

        self._change(change)
        return found is not missing

    def _text(self) -> str:
        try:
            return read_text(self.path)
        except FileNotFoundError:
            return "{}"
        except (OSError, ValueError) as error:
            raise self._unusable(f"cannot be read: {system_words(error)}") from error

    def _content(self, text: str) -> dict[str, Any]:
        try:
            content = json.loads(without_comments(text))
        except (ValueError, RecursionError) as error:
            raise self._unusable(f"cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise self._unusable(f'has no "{_KEY}" object; docs/mcp.md has an example')
        return content

    def _entries(self, content: dict[str, Any]) -> Entries:
        if entries_of(content) is None:
            content.setdefault(_KEY, {})
        entries = entries_of(content)
        if entries is None:
            raise self._unusable(f'has no "{_KEY}" object; docs/mcp.md has an example')
        return entries

    def _unusable(self, problem: str) -> SettingsError:
        return SettingsError("mcp_config", str(self.path), str(self.path), problem)

    def _change(self, change: Callable[[Entries], None]) -> None:
        with self._writing:
            text = self._text()
            content = self._content(text)
            entries = self._entries(content)
            before = json.dumps(content)
            change(entries)
            if json.dumps(content) != before:
                if has_comments(text):
                    raise self._unusable("has comments, which would be lost; change it by hand")
                written = json.dumps(content, indent=2, ensure_ascii=False)
                write_whole(self.path, f"{written}\n", MOST_BYTES)


def _with_kept(entry: Mapping[str, Any], before: Any) -> dict[str, Any]:
    whole = dict(entry)
    for key in _SECRETS:
        values = whole.get(key)
        if isinstance(values, Mapping):
            kept = before.get(key) if isinstance(before, Mapping) else None
            known = kept if isinstance(kept, Mapping) else {}
            whole[key] = {n: known.get(n) if v is None else v for n, v in values.items()}
    return whole
