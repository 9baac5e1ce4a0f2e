"""One answer into a pipe, while it is written.

Owns what of a turn's text goes to stdout, and when: a text that ends in a tool call before it is
long is no answer, and is handed back. Nothing is escaped, because no terminal is steered.
"""

from __future__ import annotations

import sys

HELD_CHARACTERS = 160
"""What a model may say before it calls a tool, without its being taken for the answer."""


class AnswerPipe:
    """Writes piece by piece, each at once; stdout is looked up at every use."""

    def __init__(self) -> None:
        self._held = self._ends = ""
        self._flows = False

    def add(self, text: str) -> None:
        """The next piece of what the model says."""
        self._held += text
        if self._flows or len(self._held) > HELD_CHARACTERS:
            self._flows = True
            self._write(self._take())

    def leave(self) -> str:
        """A tool is called: what has not been written of the text before it, if it was short."""
        unsaid = "" if self._flows else self._take()
        self.finish()
        return unsaid

    def finish(self) -> None:
        """The text is over: write what is left of it, and end its line."""
        text = self._take()
        if self._flows or text.strip():
            self._write(text)
            self._put("\n")
        self._flows, self._ends = False, ""

    def _take(self) -> str:
        text, self._held = self._held, ""
        return text

    def _write(self, text: str) -> None:
        """Line ends wait for what follows: the answer ends with one, however many were said."""
        text = self._ends + text
        said = text.rstrip("\n")
        self._ends = text[len(said) :]
        self._put(said)

    def _put(self, text: str) -> None:
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
