"""A JSON object that is read while it is still being written.

Owns where the object begins and ends in a text that comes in pieces, and that each piece is
sound by itself. Checks neither its form nor a schema.
"""

from __future__ import annotations

import re

from airunner.json_schema.plain import sound_escapes

# Up to an escape of which more may come: \ud83d waits for what it is the first half of.
_WHOLE = re.compile(
    r"(?:[^\\]|\\[^u]|\\u(?![dD][89abAB])[0-9a-fA-F]{4}"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?=[^\\]|\\[^u]|\\u[^dD]|\\u[dD][^c-fC-F])))*"
)


class ObjectPieces:
    """The first object in a text; ``is_whole`` once its last brace has come."""

    def __init__(self) -> None:
        self.is_whole = False
        self._held = ""
        self._depth = 0
        self._in_text = self._is_escaped = False

    def feed(self, text: str) -> str:
        """What more of the object can be handed on."""
        start = 0 if self._depth else text.find("{")
        if self.is_whole or start < 0:
            return ""
        end = start
        while end < len(text) and not self.is_whole:
            self._pass(text[end])
            end += 1
        self._held += text[start:end]
        found = None if self.is_whole else _WHOLE.match(self._held)
        ready = len(self._held) if found is None else found.end()
        piece, self._held = self._held[:ready], self._held[ready:]
        return sound_escapes(piece)

    def _pass(self, letter: str) -> None:
        if self._is_escaped:
            self._is_escaped = False
        elif self._in_text:
            self._is_escaped = letter == "\\"
            self._in_text = letter != '"'
        elif letter == '"':
            self._in_text = True
        elif letter in "{[":
            self._depth += 1
        elif letter in "}]":
            self._depth -= 1
            self.is_whole = self._depth == 0
