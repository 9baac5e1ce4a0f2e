"""What the operating system says of a refusal, for people."""

from __future__ import annotations


def system_words(error: BaseException) -> str:
    """The reason alone, without the error's number and the path; other errors say what they do."""
    return getattr(error, "strerror", None) or str(error)
