"""What Tab offers in a chat: commands, what goes with them, and files.

Owns the choice among these. Which commands and models there are is told by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

Offer = Iterable[tuple[str, str]]
"""Words, each with what it means."""


class ChatCompleter(Completer):
    """Completes the word before the cursor.

    Args:
        commands: each with what it does.
        arguments: what may follow a command; ``None`` stands for a file.
    """

    def __init__(
        self, commands: Mapping[str, str], arguments: Mapping[str, Callable[[], Offer] | None]
    ) -> None:
        self._commands, self._arguments = commands, arguments
        self._files = PathCompleter(expanduser=True)

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """See ``Completer``."""
        text = document.text_before_cursor
        command, blank, rest = text.partition(" ")
        if not text.startswith("/") or text.startswith("//"):
            word = document.get_word_before_cursor(WORD=True)
            return self._of_files(word, complete_event) if _looks_like_path(word) else ()
        if not blank:
            return _fitting(self._commands.items(), text, str.startswith)
        if command not in self._arguments:
            return ()
        offer = self._arguments[command]
        if offer is None:
            return self._of_files(rest.lstrip(), complete_event)
        return _fitting(offer(), rest.lstrip(), str.__contains__)

    def _of_files(self, word: str, complete_event: CompleteEvent) -> Iterable[Completion]:
        return self._files.get_completions(Document(word, len(word)), complete_event)


def _looks_like_path(word: str) -> bool:
    return word.startswith(("~", ".", "/")) or len(PurePath(word).parts) > 1


def _fitting(offer: Offer, begun: str, fits: Callable[[str, str], bool]) -> Iterable[Completion]:
    wanted = begun.casefold()
    for word, meaning in offer:
        if fits(word.casefold(), wanted):
            yield Completion(word, start_position=-len(begun), display_meta=meaning)
