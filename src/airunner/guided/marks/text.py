"""Texts and program code in a message, and the languages that it names."""

from __future__ import annotations

from airunner.guided.request import Request
from airunner.guided.user_words import BODY, FILE_NAME, WHOLE, Named, UserWords

_PROGRAMMING_LANGUAGE_NAMES = """
Bash C++ C# CSS Go Haskell HTML Java JavaScript Kotlin Lua PHP Python Ruby Rust Scala SQL Swift
TypeScript
"""
_PROGRAMMING_LANGUAGES = tuple(_PROGRAMMING_LANGUAGE_NAMES.split())

_LANGUAGE_NAMES = """
Arabic Chinese Czech Danish Dutch English Finnish French German Greek Hebrew Hindi Hungarian
Indonesian Italian Japanese Korean Norwegian Polish Portuguese Romanian Russian Spanish Swedish
Thai Turkish Ukrainian Vietnamese
"""
_LANGUAGES = tuple(_LANGUAGE_NAMES.split())


class _Wish(UserWords):
    """What is wanted of the text that the request is about; without one, the whole message."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The wish."""
        return request.wish or request.message


class _FileInWish(UserWords):
    """A file that is named beside the code, and not in it: ``math.sqrt`` is no file."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """Its name, where one file is named."""
        if not request.body:
            return None
        return FILE_NAME.take(Request(request.wish, request.wish), earlier_answer)


MARKS = {
    "summarize_text": {"text": BODY},
    "translate_text": {"text": BODY, "target_language": Named(_LANGUAGES)},
    "generate_code": {"description": WHOLE, "language": Named(_PROGRAMMING_LANGUAGES)},
    "edit_code": {"code": BODY, "instruction": _Wish()},
    "run_python": {"code": BODY, "file": _FileInWish()},
    "check_python": {"code": BODY},
    "enhance_prompt": {"idea": WHOLE},
}
