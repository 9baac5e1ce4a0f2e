"""What a request about the web says of it: the words to search for, the name to save under.

Owns the marks for parameters that take them: "search the web for tide tables in
Brest, please" is about tide tables in Brest.
"""

from __future__ import annotations

import re
from dataclasses import replace

from airunner.guided.request import Request
from airunner.guided.user_words import FILE_NAME, WEB_ADDRESS, Matching, UserWords

_POLITE = re.compile(
    r"^(?:(?:hey|hi|ok|okay|please|kindly|now|just)\b[\s,]*"
    r"|(?:can|could|would|will) you\s+"
    r"|i (?:want|need|would like) (?:you )?to\s+|i'd like (?:you )?to\s+|let'?s\s+)+",
    re.IGNORECASE,
)
_WEB = r"(?:the\s+)?(?:world\s+wide\s+)?(?:web|internet|net)|google|duckduckgo"
_COMMAND = re.compile(
    rf"^(?:(?:do|make|run)\s+an?\s+(?:web|internet|online|google)\s+search"
    rf"|(?:web\s+search|search|look|google|browse|check|find|see)(?:\s+up)?)\b"
    rf"(?:\s+(?:(?:on|in|through|with|using)\s+)?(?:{_WEB})\b|\s+online\b)?"
    rf"(?:\s+(?:for|about|on|to\s+find(?:\s+out)?))?(?:\s+me\b)?[\s:,]*",
    re.IGNORECASE,
)
_WHERE = re.compile(rf"[\s,]*\b(?:online|(?:on|in|from|using|via)\s+(?:{_WEB}))\b", re.IGNORECASE)
_END = re.compile(r"(?:[\s,]*\b(?:please|for me|thanks|thank you)\b[\s?]*)*[\s.!]*$", re.IGNORECASE)


_ADDRESS = re.compile(r"\bhttps?://\S+", re.IGNORECASE)


class SaveName(UserWords):
    """The name of a file that the message mentions beside the web address."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The name, or ``None`` where there is none: an address ends like a file's name too."""
        beside = replace(request, message=_ADDRESS.sub(" ", request.message))
        return FILE_NAME.take(beside, earlier_answer)


class SearchWords(UserWords):
    """What a request to search is about; the whole request where no command is seen."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The words after the command, or those that the user quoted or set after a colon."""
        words = request.body or _without_command(request.wish)
        return " ".join(words.split()) or None


def _without_command(wish: str) -> str:
    words = _END.sub("", _POLITE.sub("", wish.strip()))
    shorter = _WHERE.sub("", _COMMAND.sub("", words)).strip()
    return shorter or words


MARKS = {
    "search_web": {
        "query": SearchWords(),
        "max_results": Matching(r"(?i)\b(10|[1-9]) (?:search )?(?:results|pages|hits)\b"),
    },
    "read_web_page": {"url": WEB_ADDRESS, "part": Matching(r"(?i)\bpart (\d{1,4})\b")},
    "summarize_web_page": {
        "url": WEB_ADDRESS,
        "max_sentences": Matching(r"(?i)\b(1[0-2]|[1-9]) sentences?\b"),
    },
    "download_file": {"url": WEB_ADDRESS, "path": SaveName()},
}
