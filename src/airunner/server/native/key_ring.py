"""The server's keys as a person manages them; ``server.keys`` keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airunner.errors import KeysError
from airunner.events import EventBus, SetupChanged
from airunner.resources.visitor import Visitor
from airunner.server.keys import PRIORITIES, Keys, key_as_json, patterns


class KeyRing:
    """The keys of a home folder. Every method may be called from any thread.

    Each raises ``KeysError`` where the file cannot be read, those that change something
    ``StorageError`` where it cannot be written.
    """

    def __init__(self, home: Path, bus: EventBus) -> None:
        self._keys, self._bus = Keys(home), bus

    def all(self) -> list[dict[str, Any]]:
        """Every key, but not what it is."""
        return [key_as_json(key) for key in self._keys]

    def add(
        self,
        name: str,
        *,
        models: Sequence[str] = (),
        tools: Sequence[str] = (),
        priority: str = "normal",
        manages: bool = False,
    ) -> str:
        """Make a key: it is returned this once.

        Args:
            name: whose key it is.
            models: patterns of the models that it may use; all by default.
            tools: patterns of the tools that it may call; all by default.
            priority: ``low``, ``normal`` or ``high``.
            manages: whether it may do what this does.

        Raises:
            KeysError: the name is taken, or it or the priority is none.
        """
        if priority not in PRIORITIES:
            raise KeysError(name, f"its priority is one of {', '.join(PRIORITIES)}")
        visitor = Visitor(name, patterns(models), patterns(tools), PRIORITIES[priority], manages)
        made = self._keys.add(visitor)
        self._bus.publish(SetupChanged(what="keys"))
        return made

    def remove(self, name: str) -> None:
        """Revoke a key: who uses it is refused from then on.

        Raises:
            KeysError: there is none of that name.
        """
        self._keys.remove(name)
        self._bus.publish(SetupChanged(what="keys"))
