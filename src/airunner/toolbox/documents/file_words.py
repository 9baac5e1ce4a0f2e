"""What a request says of files: names, folders, and the words to find or replace in them.

Owns the marks of the file tools' parameters; see ``tools.user_words``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from airunner.tools.request import Request
from airunner.tools.user_words import FileName, Matching, UserWords

_NAME = r"((?:[\w.~-]*[/\\])*[\w.-]*\w)"
_QUOTE = "[\"'“”‘’`]"
_LONGEST_NAME = 255


class Said(UserWords):
    """True where the wish has one of some words; otherwise the parameter's default is meant."""

    def __init__(self, *words: str) -> None:
        self._words = words

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """``"true"``, which validation reads as it should be, or ``None``."""
        wish = (word.strip(".,!?") for word in request.wish.casefold().split())
        return "true" if any(word in self._words for word in wish) else None


FilePath = Annotated[FileName, Field(max_length=_LONGEST_NAME)]
"""The one file that the message names."""

FolderPath = Annotated[
    str,
    Field(max_length=_LONGEST_NAME),
    Matching(
        rf"(?i)(?:(?<![\w:/.-])(?=[\w.-]+/)|\b(?:folder|directory)\s+(?:called\s+|named\s+|{_QUOTE}))"
        rf"{_QUOTE}?([\w.-]+(?:/[\w.-]+)*)"
    ),
]
"""A folder: what has a slash in it, or is said to be one."""

SourcePath = Annotated[
    str,
    Field(max_length=_LONGEST_NAME),
    Matching(rf"(?i)\b(?:copy|move|rename|duplicate)\s+(?:the\s+)?(?:file\s+)?{_QUOTE}?{_NAME}"),
]
"""What is to be copied or moved."""

TargetPath = Annotated[
    str,
    Field(max_length=_LONGEST_NAME),
    Matching(rf"(?i)\b(?:to|into|as)\s+(?:the\s+)?(?:folder\s+)?{_QUOTE}?{_NAME}"),
]
"""Where it is to go."""

NamePattern = Annotated[
    str,
    Field(max_length=100),
    Matching(r"(?i)(?<![\w*])(\*[\w*.-]*\.\w{1,8}|(?:pdf|docx|md|txt|csv|html|png)(?= files))\b"),
]
"""Which names: ``*.pdf``, or the ``pdf`` of "all pdf files"."""

Overwrite = Annotated[bool, Said("overwrite", "overwriting", "replace", "replacing")]
"""Whether a file that exists may be replaced."""

Sought = Annotated[
    str,
    Field(min_length=1, max_length=200),
    Matching(
        r"(?i)\b(?:for|contain(?:s|ing)?|mention(?:s|ing)?)\s+(?:the\s+(?:word|text|phrase)s?\s+)?"
        rf"{_QUOTE}?([^\s\"'“”‘’`].*?){_QUOTE}?(?=\s+in\b|\s*[?.!]?\s*$)"
    ),
]
"""What is to be found in files."""

OldText = Annotated[
    str,
    Field(min_length=1),
    Matching(rf"(?is)\b(?:replace|change)\s+{_QUOTE}(.+?){_QUOTE}\s+(?:with|by|to)\b"),
]
"""What is to be replaced, where it stands in quotation marks."""

NewText = Annotated[
    str, Matching(rf"(?is)\b(?:with|by|to)\s+{_QUOTE}(.*?){_QUOTE}(?=\s+in\b|\W*$)")
]
"""What takes its place."""
