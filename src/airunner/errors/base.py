"""The base of all errors, in a file of its own for the sake of import order.

Owns the bound on their words: a message may quote a file, a page or a name that was made
to be long, and is read by people, logs and models.
"""

from __future__ import annotations

from collections.abc import Iterable

MOST_CHARACTERS = 4_000
"""The longest message of an error; of a longer one the middle is left out."""

_HEAD_CHARACTERS = 3_000
_SHOWN_VALUE = 200
_LIKENESS, _LIKENESS_OF_SHORT = 0.75, 0.65
# Of so few characters, one that is wrong is a third of the name.
_SHORT = 3


class AiRunnerError(Exception):
    """Base of everything AI Runner raises on purpose. Its message is Unicode, and bounded."""

    def __init__(self, message: str = "") -> None:
        super().__init__(_bounded(message))


def in_short(value: object) -> str:
    """``repr(value)``, cut if it is long; the name of its type where it has none."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deeply; a number of too many digits
        return f"({type(value).__name__})"
    return text if len(text) <= _SHOWN_VALUE else f"{text[:_SHOWN_VALUE]}[...]"


def _bounded(message: str) -> str:
    if len(message) > MOST_CHARACTERS:
        missing = len(message) - MOST_CHARACTERS
        tail = message[_HEAD_CHARACTERS - MOST_CHARACTERS :]
        message = f"{message[:_HEAD_CHARACTERS]} [... {missing:,} characters left out ...] {tail}"
    # Half of a surrogate pair, as a file's name may hold it, can be printed nowhere.
    return message if message.isascii() else message.encode("utf-8", "replace").decode()


def alike(given: str, known: Iterable[str], most: int = 2) -> list[str]:
    """Those of ``known`` that a slip turns into ``given``, the likeliest first; none far off."""
    import difflib  # only needed when something is wrong

    likeness = _LIKENESS if len(given) > _SHORT else _LIKENESS_OF_SHORT
    return difflib.get_close_matches(given, list(known), n=most, cutoff=likeness)


def meant(given: str, known: Iterable[str], most: int = 2) -> str:
    """A question with a blank in front, where one of ``known`` is like ``given``."""
    near = alike(given, known, most)
    return f" Did you mean {' or '.join(near)}?" if near else ""
