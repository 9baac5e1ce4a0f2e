"""``mcp.json``, changed by the program: an entry at a time, with all else in it as it was.

Owns writing. What an entry means, and which are wrong, is ``mcp.client.config``'s.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from airunner.config.whole_file import write_whole
from airunner.errors import SettingsError
from airunner.mcp.client.config import server_of

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
        entries: Entries = self._content()[_KEY]
        return entries

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

    def _content(self) -> dict[str, Any]:
        def unusable(problem: str) -> SettingsError:
            return SettingsError("mcp_config", str(self.path), str(self.path), problem)

        try:
            content = json.loads(self.path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            return {_KEY: {}}
        except (OSError, ValueError) as error:
            raise unusable(f"cannot be read: {error}") from error
        if not isinstance(content, dict) or not isinstance(content.setdefault(_KEY, {}), dict):
            raise unusable(f'has no "{_KEY}" object; docs/mcp.md has an example')
        return content

    def _change(self, change: Callable[[Entries], None]) -> None:
        with self._writing:
            content = self._content()
            before = json.dumps(content)
            change(content[_KEY])
            if json.dumps(content) != before:
                write_whole(self.path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _with_kept(entry: Mapping[str, Any], before: Any) -> dict[str, Any]:
    whole = dict(entry)
    for key in _SECRETS:
        values = whole.get(key)
        if isinstance(values, Mapping):
            kept = before.get(key) if isinstance(before, Mapping) else None
            known = kept if isinstance(kept, Mapping) else {}
            whole[key] = {n: known.get(n) if v is None else v for n, v in values.items()}
    return whole
