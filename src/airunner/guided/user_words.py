"""How a parameter is filled with the user's own words.

Owns the kinds of mark; which parameter of which tool has one is in ``marks``. A small
model cannot copy a page faithfully, nor even a word: asked for the target language of
"translate good morning to French", SmolLM2-135M decodes "en-US". So a marked parameter
is filled from the message and never decoded.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

from airunner.guided.request import Request
from airunner.records.attached_text import ATTACHED

_SHORT_NAME = 2


class UserWords(ABC):
    """Base of the marks.

    Attributes:
        is_subject: whether a tool with such marks is meant only where one of them finds something.
    """

    is_subject = False

    @abstractmethod
    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The parameter's value, or ``None`` if the message does not settle it."""


class Whole(UserWords):
    """The whole message."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The message as it was typed."""
        return request.message


class Unsaid(UserWords):
    """What a message seldom says: a guided model leaves the default."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """Nothing."""
        return None


class Body(UserWords):
    """The text that the request is about."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The message's body; the earlier answer for "translate that"; else the message.

        Without a mark that sets the body off, a specialist makes more of the
        whole sentence than of what a small model would copy from it.
        """
        if request.body:
            return request.body
        return (earlier_answer if request.refers_back else "") or request.message


class Named(UserWords):
    """One of several well-known words, such as the names of languages."""

    def __init__(self, choices: Sequence[str]) -> None:
        self._patterns = {choice: _as_word(choice) for choice in choices}

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The choice that the wish names; ``None`` where it names none, or several."""
        found = [
            choice for choice, pattern in self._patterns.items() if pattern.search(request.wish)
        ]
        return found[0] if len(found) == 1 else None


class Matching(UserWords):
    """The one thing in the message that has a certain form, such as a file's name.

    ``pattern`` is a regular expression; its first group is the value, or all of it.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """What matches in the message; ``None`` where nothing does, or several different do."""
        found = {match[match.re.groups and 1] for match in self._pattern.finditer(request.message)}
        return found.pop() if len(found) == 1 else None


class Document(Matching):
    """The name of a file that the message mentions, or else of the one that is attached to it."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """A name that tools know; ``None`` where no file is meant, or several are."""
        kept = {n.removeprefix(ATTACHED): n for n in request.attached if n.startswith(ATTACHED)}
        said = super().take(request, earlier_answer)
        if said is None and len(kept) == 1:
            return next(iter(kept.values()))
        return said if said is None else kept.get(said, said)


class TrueWhere(UserWords):
    """``true`` where the wish has words of a certain form; else the default is meant."""

    def __init__(self, pattern: str | re.Pattern[str]) -> None:
        self._pattern = re.compile(pattern)

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """``"true"``, which validation reads as it should be, or ``None``."""
        return "true" if self._pattern.search(request.wish) else None


BODY, WHOLE, UNSAID = Body(), Whole(), Unsaid()

FILE = (
    r"(?<![\w.:/\\~-])((?:[\w.~-]*[/\\])*[\w-][\w.-]*\.(?:[a-z][a-z0-9]{0,7}|[A-Z][A-Z0-9]{1,7}))\b"
)
FILE_NAME = Matching(FILE)
"""The name of a file that the message mentions, such as ``notes/plan.md``."""

DOCUMENT = Document(FILE)
"""The same of one that is only read, which may be attached."""

WEB_ADDRESS = Matching(r"(https?://[^\s<>\"')\]]*[^\s<>\"')\].,;:!?])")
"""The address of a web page that the message mentions."""


def _as_word(name: str) -> re.Pattern[str]:
    flags = re.NOFLAG if len(name) <= _SHORT_NAME else re.IGNORECASE
    return re.compile(rf"(?<![\w+#]){re.escape(name)}(?![\w+#])", flags)
