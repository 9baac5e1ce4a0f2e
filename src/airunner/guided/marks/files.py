"""What a request says of files: names, folders, and the words to find or replace in them."""

from __future__ import annotations

from airunner.guided.user_words import BODY, FILE_NAME, Matching, Named, TrueWhere

_NAME = r"((?:[\w.~-]*[/\\])*[\w.-]*\w)"
_QUOTE = "[\"'“”‘’`]"


def _said(*words: str) -> TrueWhere:
    """Where the wish has one of some words."""
    return TrueWhere(rf"(?i)(?<!\S)[.,!?]*(?:{'|'.join(words)})[.,!?]*(?!\S)")


_FOLDER = Matching(
    rf"(?i)(?:(?<![\w:/.-])(?=[\w.-]+/)|\b(?:folder|directory)\s+(?:called\s+|named\s+|{_QUOTE}))"
    rf"{_QUOTE}?([\w.-]+(?:/[\w.-]+)*)"
)
"""A folder: what has a slash in it, or is said to be one."""

_SOURCE = Matching(
    rf"(?i)\b(?:copy|move|rename|duplicate)\s+(?:the\s+)?(?:file\s+)?{_QUOTE}?{_NAME}"
)
"""What is to be copied or moved."""

_TARGET = Matching(rf"(?i)\b(?:to|into|as)\s+(?:the\s+)?(?:folder\s+)?{_QUOTE}?{_NAME}")
"""Where it is to go."""

_PATTERN = Matching(
    r"(?i)(?<![\w*])(\*[\w*.-]*\.\w{1,8}|(?:pdf|docx|md|txt|csv|html|png)(?= files))\b"
)
"""Which names: ``*.pdf``, or the ``pdf`` of "all pdf files"."""

_OVERWRITE = _said("overwrite", "overwriting", "replace", "replacing")
"""Whether a file that exists may be replaced."""

_SOUGHT = Matching(
    r"(?i)\b(?:for|contain(?:s|ing)?|mention(?:s|ing)?)\s+(?:the\s+(?:word|text|phrase)s?\s+)?"
    rf"{_QUOTE}?([^\s\"'“”‘’`].*?){_QUOTE}?(?=\s+in\b|\s*[?.!]?\s*$)"
)
"""What is to be found in files."""

_OLD = Matching(rf"(?is)\b(?:replace|change)\s+{_QUOTE}(.+?){_QUOTE}\s+(?:with|by|to)\b")
"""What is to be replaced, where it stands in quotation marks."""

_NEW = Matching(rf"(?is)\b(?:with|by|to)\s+{_QUOTE}(.*?){_QUOTE}(?=\s+in\b|\W*$)")
"""What takes its place."""

MARKS = {
    "write_file": {"path": FILE_NAME, "content": BODY, "overwrite": _OVERWRITE},
    "append_to_file": {"path": FILE_NAME, "content": BODY},
    "edit_file": {"path": FILE_NAME, "old": _OLD, "new": _NEW},
    "copy_file": {"path": _SOURCE, "to": _TARGET, "overwrite": _OVERWRITE},
    "move_file": {"path": _SOURCE, "to": _TARGET, "overwrite": _OVERWRITE},
    "delete_file": {"path": FILE_NAME},
    "list_files": {
        "path": _FOLDER,
        "pattern": _PATTERN,
        "deep": _said("all", "everywhere", "subfolders", "recursively"),
        "sort": Named(["newest", "largest"]),
    },
    "find_in_files": {
        "text": _SOUGHT,
        "path": _FOLDER,
        "pattern": _PATTERN,
        "regex": _said("regex", "regexp"),
        "max_results": Matching(r"\b([1-9]|[1-4]\d|50) lines\b"),
    },
    "make_folder": {"path": _FOLDER},
}
