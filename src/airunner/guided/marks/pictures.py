"""What a message says about a picture: the scene, and the wishes beside it.

Owns the marks by which the image tools' parameters take the user's own words,
so that a small model need not fill them in: asked for the width of a dragon, it
would decode one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from airunner.guided.request import Request
from airunner.guided.user_words import UNSAID, UserWords

LONGEST_SCENE = 600
"""Characters of a description; an image model reads far less."""

_SEARCHED = 1_000
_NUMBERS = {"two": "2", "three": "3", "four": "4"}
_IMAGES = r"(?:pictures?|images?|pics?)"
_SORTS = (
    r"(?:pictures|images|pics|photos|drawings|paintings|sketches|illustrations|versions"
    r"|variations|variants)"
)
_SIZE = re.compile(r"\b(?P<width>\d{2,5})\s*[x×]\s*(?P<height>\d{2,5})\b(?:\s*(?:pixels|px)\b)?")
_SEED = re.compile(r"\bseed\s*(?:number\b|of\b|[=:])?\s*(?P<seed>\d{1,10})\b", re.IGNORECASE)
_COUNT = re.compile(
    rf"\b(?P<count>two|three|four|[2-4])\s+(?:\w+\s+)?{_SORTS}\b"
    r"|\b(?P<times>two|three|four|[2-4])\s+times\b",
    re.IGNORECASE,
)
_WITHOUT = re.compile(r",?\s*\bwithout\s+(?:any\s+|an?\s+)?(?P<without>[^,.;!?]+)", re.IGNORECASE)
_VERBATIM = re.compile(
    r"[,.;]?\s*\b(?:(?:do\s+not|don't|without)\s+(?:enhanc\w+|chang\w+\s+(?:the|my)\s+prompt)"
    r"|exactly\s+as\s+(?:i\s+)?(?:wrote|written|said)|no\s+enhancement)\b(?:\s+(?:it|this|that))?",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?P<name>\d{4}-\d\d-\d\d \d\d\.\d\d [^/\\\n]+?|[\w-]+)\.png\b", re.IGNORECASE)

_GREETING = r"(?:(?:hey|hi|hello|ok|okay|now|so|and|then|great|thanks)\b[\s,.!]*)*"
_ASKING = (
    r"(?:please\s+|(?:can|could|would|will)\s+you\s+(?:please\s+)?"
    r"|i(?:\s+would|'d)\s+(?:like|love)\s+(?:you\s+)?(?:to\s+(?:see|have)\s+)?(?:to\s+)?"
    r"|i\s+(?:want|need)\s+(?:you\s+)?(?:to\s+(?:see|have)\s+)?(?:to\s+)?|let's\s+|let\s+me\s+)*"
)
_DOING = (
    r"(?:(?:draw|paint|sketch|illustrate|render|create|generate|make|produce|design|imagine"
    r"|visuali[sz]e|depict|show|give|see|get|have)\b\s*)?(?:(?:me|us)\b\s*)?(?:please\s+)?"
)
_OF = rf"(?:(?:(?:an?|the|some|another|one|two|three|four|\d)\s+)?(?:new\s+)?{_IMAGES}\s*(?:of|with|showing|that\s+shows)\b\s*)?"  # noqa: E501
_ORDER = re.compile(rf"^\W*{_GREETING}{_ASKING}{_DOING}{_OF}", re.IGNORECASE)
_MANY = re.compile(rf"^(?:two|three|four|[2-4])\s+{_SORTS}\s+of\s+", re.IGNORECASE)
_ENDING = re.compile(
    r"(?:[\s,.!?;:]|\b(?:please|thanks|thank you|for me|if you can|at|in|with|and|using)$)+$",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    rf"(?:(?:an?|the|some|this|that|it|these|those|one|following|something|anything|description"
    rf"|scene|text|above|here|for|from|me|new|{_IMAGES}|drawing|painting)\b\W*)*",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    r"\b(?:into|as|to)\s+(?P<into>.+)|\bmake\s+(?:it|this|that)\s+(?:look\s+(?:like\s+)?)?(?P<make>.+)"
    r"|\b(?P<at>(?:at|in|with)\s+.+)",
    re.IGNORECASE,
)


class Scene(UserWords):
    """What to draw: the message without the order to draw it."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The scene; of an order that only points at it, the body or the earlier answer."""
        scene = scene_of(request.wish)
        if _NOTHING.fullmatch(scene):
            scene = request.body or (earlier_answer if request.refers_back else "")
        elif request.body:
            scene = scene_of(request.message[:_SEARCHED])
        return shortened(" ".join(scene.split())) or None


class Said(UserWords):
    """What a pattern finds in the message; of its named groups, the first that is there."""

    def __init__(self, pattern: re.Pattern[str], meaning: Mapping[str, str] | None = None) -> None:
        self._pattern, self._meaning = pattern, meaning or {}

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The words found, or what they mean."""
        found = self._pattern.search(request.message[:_SEARCHED])
        if found is None:
            return None
        words = next((g for g in found.groups() if g is not None), "").strip()
        return self._meaning.get(words.lower(), words)


class SizeSaid(UserWords):
    """``width`` or ``height`` of a size such as 512x512."""

    def __init__(self, side: str) -> None:
        self._side = side

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The pixels of this side."""
        found = _SIZE.search(request.message[:_SEARCHED])
        return found[self._side] if found else None


class Verbatim(UserWords):
    """``false`` where the user wants the prompt left as it is."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """``"false"``, or nothing."""
        return "false" if _VERBATIM.search(request.message[:_SEARCHED]) else None


class Change(UserWords):
    """What a picture is to become: what follows "into", "as" or "make it"."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The wanted result, or ``None`` if the message does not say it so."""
        wish = _NAME.sub("", request.wish)
        found = _CHANGE.search(_bare(wish))
        words = next((g for g in found.groups() if g), "") if found else request.body
        return shortened(" ".join(words.split())) or None


class Unwanted(Said):
    """What the picture is to be without."""

    def __init__(self) -> None:
        super().__init__(_WITHOUT)

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The words after "without"."""
        message = _VERBATIM.sub("", request.message[:_SEARCHED])
        found = _WITHOUT.search(message)
        return _bare(found["without"])[:400] if found else None


def scene_of(text: str) -> str:
    """A description of a picture without the order around it.

    "Please draw me a picture of a cat, 512x512" is "a cat".
    """
    return _MANY.sub("", _bare(_ORDER.sub("", _bare(_WITHOUT.sub("", _VERBATIM.sub("", text))))))


def shortened(scene: str) -> str:
    """At most ``LONGEST_SCENE`` characters, cut between words."""
    if len(scene) <= LONGEST_SCENE:
        return scene
    return scene[:LONGEST_SCENE].rpartition(" ")[0] or scene[:LONGEST_SCENE]


def _bare(text: str) -> str:
    """Without size, seed and the politeness at the end."""
    return _ENDING.sub("", _SEED.sub("", _SIZE.sub("", text))).strip()


_COUNTED, _SEEDED, _NAMED = Said(_COUNT, _NUMBERS), Said(_SEED), Said(_NAME)

MARKS = {
    "generate_image": {
        "prompt": Scene(),
        "second_prompt": UNSAID,
        "negative_prompt": Unwanted(),
        "width": SizeSaid("width"),
        "height": SizeSaid("height"),
        "count": _COUNTED,
        "seed": _SEEDED,
        "enhance": Verbatim(),
    },
    "vary_image": {
        "picture": _NAMED,
        "count": _COUNTED,
        "seed": _SEEDED,
        "strength": UNSAID,
    },
    "transform_image": {
        "prompt": Change(),
        "picture": _NAMED,
        "strength": UNSAID,
        "seed": _SEEDED,
    },
    "describe_image_settings": {"picture": _NAMED},
}
