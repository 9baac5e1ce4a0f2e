"""Whether a message asks something, says something, or wants something done.

Owns the mood of a sentence, read off the words that it opens with; what follows from it
for a tool is ``choosing``. A question that is asked for politeness, "can you draw a cat?",
wants something done.
"""

from __future__ import annotations

import re
from typing import Literal

_READ = 400
"""Characters of a text."""

Mood = Literal["question", "statement", "request"]

_BEGIN = r"^(?:(?:hey|hi|hello|ok|okay|so|and|but|well|please)\b[\s,:;!.]*|in \w+ \w+:\s*)*"
_ASKING = r"(?:what|who|whose|whom|which|where|when|why|how)(?:'s|'re)?\b"
_TELLING = re.compile(
    rf"{_BEGIN}(?:(?:can|could|would|will) you )?(?:please )?"
    r"(?:tell (?:me|us)|explain|describe|define|compare|i wonder|say)\b"
)
_POLITE = re.compile(
    rf"{_BEGIN}(?:(?:can|could|would|will|won't|may) (?:you|i|we)|do you mind|mind|"
    r"how about|why don't you|what about)\b"
)
_QUESTION = re.compile(
    rf"{_BEGIN}(?:(?:(?:in|at|on|from|to|with|for|of|by|about|according to) )?{_ASKING}"
    r"|(?:am|is|are|was|were|isn't|aren't|do|does|did|don't|doesn't|didn't|has|have|had|can"
    r"|could|will|would|should|shall|must|may|might) (?!not\b|it\b.*\bfor me\b)\S+)"
)
_STATEMENT = re.compile(
    rf"{_BEGIN}(?:i|i'm|i've|we|we're|he|she|it|it's|they|you're|my|our|his|her|their|this|that"
    r"|that's|there)\b"
)
_WANTS = re.compile(
    r"\b(?:want|need|needn't|like|love|wish|should|please|let|could|can|no longer|any ?more)\b"
)
_CLAUSE_END = re.compile(r"[,;:.!?\n]\s+\S")
_THING = r"an? (?:[^\W\d]+[ -]?){1,3}"
_DEFINITION = re.compile(
    rf"{_BEGIN}(?:what(?:'s| is| are| was| were) {_THING}|[a-z ]{{3,40}} what {_THING}\bis)\W*$"
)


def mood_of(text: str) -> Mood:
    """What the sentence that ``text`` opens with is for.

    A statement is one only where nothing follows it that may be what is wanted.
    """
    said = _opening(text)
    if _TELLING.match(said):
        return "question"
    if _POLITE.match(said):
        return "request"
    if _QUESTION.match(said):
        return "question"
    has_more = _CLAUSE_END.search(said) or said.endswith("?")
    if _STATEMENT.match(said) and not has_more and not _WANTS.search(said):
        return "statement"
    return "request"


def asks_what_is(text: str) -> bool:
    """Whether nothing is asked but what a thing is, as in "what is a house?"."""
    return bool(_DEFINITION.match(_opening(text)))


def _opening(text: str) -> str:
    """As much of a text as is looked at, since some patterns take the square of a time."""
    return text.strip()[:_READ].lower().replace("’", "'")
