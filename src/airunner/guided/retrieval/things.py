"""What a message holds beside words: a file's name, an address, code, numbers, a quotation.

Which of these are there tells tools apart that are spoken of in the same words:
"what does this do?" over five lines of code is no question about a file.
"""

from __future__ import annotations

import re

from airunner.guided.request import Request

_ADDRESS = re.compile(r"https?://|www\.")
_FILE = re.compile(r"[\w-]+\.([a-zA-Z]\w{1,6})\b")
_CODE = re.compile(r"[{}();=]|\bdef |\bimport |=>|<\w+")
_QUOTED = re.compile(r"['\"“].{2,}?['\"”]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_QUESTION = re.compile(
    r"\s*(?:what|which|who|how|when|where|why|is|are|do|does|did|can i)\b", re.IGNORECASE
)
_POINTS = re.compile(r"\b(?:that|this|it|these|those)\b", re.IGNORECASE)
_NUMBERS_TOLD_APART = 3
_KINDS = {
    "document": "pdf docx doc html md epub odt rtf",
    "table": "csv tsv xlsx sqlite db",
    "picture": "png jpg jpeg webp gif bmp",
    "program": "py js ts sh",
    "text": "txt log ini json toml yaml cfg",
}
_KIND_OF = {ending: kind for kind, endings in _KINDS.items() for ending in endings.split()}


def things_in(request: Request) -> frozenset[str]:
    """The names of the kinds of thing that are there."""
    text = request.message
    found: set[str] = set()
    if _ADDRESS.search(text):
        found.add("address")
    elif endings := _FILE.findall(text):
        found.add("file")
        found |= {f"{_KIND_OF.get(ending.lower(), 'other')} file" for ending in endings}
    if request.body:
        found.add("body")
    if "\n" in text.strip():
        found.add("lines")
    numbers = len(_NUMBER.findall(text))
    found |= {f"number {place}" for place in range(1, min(numbers, _NUMBERS_TOLD_APART) + 1)}
    signs = {"code": _CODE, "quotation": _QUOTED, "pointing": _POINTS}
    found |= {name for name, sign in signs.items() if sign.search(text)}
    if _QUESTION.match(text):
        found.add("question")
    return frozenset(found)
