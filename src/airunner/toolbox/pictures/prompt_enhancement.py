"""Making more of a description before it is drawn.

Owns the question put to the ``PROMPT_ENHANCEMENT`` model, and the judgement
whether its answer may be drawn: a small model echoes the question, chats, or
forgets what was asked for. What was asked for always survives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from airunner.errors import AiRunnerError
from airunner.models.spec import ModelCapability
from airunner.tools.api import SpecialistHandle

_ANSWER_TOKENS = 96
_ATTEMPTS = 2
_MOST_WORDS = 60
_MOST_PHRASES = 8
_LONGEST_PHRASE = 5

_QUESTION = (
    "Write a comma-separated list of six short phrases for the light, the mood and the style of "
    "this picture.\n\nPicture: {prompt}"
)
_READ_OF_ANSWER = 2_000
"""Characters; its words are counted in hundreds, and open brackets take the square of a time."""

_ECHO = re.compile(
    r"comma-separated|list of (?:six|short)|short phrases|the light, the mood|mood and the style",
    re.IGNORECASE,
)
_SAID_OF = re.compile(
    r"\b(?:the|its)\s+(light|lighting|mood|tone|style|atmosphere|colou?rs)\s+"
    r"(?:(?:in|of)\s+\w+\s+\w+\s+)?(?:is|are|was|were)\s+"
    r"(?:an?\s+|very\s+)?(\w+(?:,?\s+and\s+\w+)?)(?=\s*[.,;]|\s+(?:in|with|that|as|and|which)\b)",
    re.IGNORECASE,
)
_COLOUR_NAMES = """
red blue green yellow orange purple violet pink black white grey gray brown cyan magenta turquoise
crimson
"""
_COLOURS = frozenset(_COLOUR_NAMES.split())
_ASPECTS = frozenset(("light", "lighting", "mood", "style", "composition", "picture", "image"))
_CHAT = re.compile(
    r"\b(?:i'm sorry|i am sorry|i apologi[sz]e|as an ai|i cannot|i can't|i'd be happy"
    r"|i would be happy|how can i help|language model|what can i)\b",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^(?:(?:sure|certainly|of course|okay|ok|here(?:'s| is| are))\b[^:\n]*:"
    r"|(?:\w+\s+){0,2}(?:prompt|picture|description|image|line|answer|output)\s*:)\s*",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"\([^)\n]*\)|[*_`#\"“”<>]+|^\s*(?:[-•]|\d+[.)])\s+", re.MULTILINE)
_WORD = re.compile(r"[^\W_]+(?:'[a-z]+)?")
_SMALL_WORDS = frozenset(
    """
    a an and are as at be by for from in into is it its of on or over some that the this to under
    with without near next behind beside between above below very
    """.split()  # noqa: SIM905
)


class Lender(Protocol):
    """The part of ``Specialists`` that is needed."""

    def load_specialized_model(
        self, capability: ModelCapability, return_to_primary: bool = True
    ) -> SpecialistHandle | None:
        """See ``Specialists``."""
        ...


@dataclass(frozen=True, slots=True)
class Enhanced:
    """Prompts to draw, one for each that was given; ``problem`` says why some are as given."""

    prompts: tuple[str, ...]
    problem: str = ""


def enhance_prompts(
    models: Lender, prompts: Sequence[str], on_loaded: Callable[[], None] = lambda: None
) -> Enhanced:
    """Enhance all ``prompts`` during one stay of the model; each alone, empty ones not at all.

    Never fails: whatever cannot be enhanced comes back as it was. ``on_loaded`` is
    called when the model is in memory, before it is asked.
    """
    drawn = list(prompts)
    wanted = [number for number, prompt in enumerate(prompts) if prompt.strip()]
    if not wanted:
        return Enhanced(tuple(drawn))
    model = models.load_specialized_model(ModelCapability.PROMPT_ENHANCEMENT)
    if model is None:
        return Enhanced(tuple(drawn), "the prompt model could not be used")
    problem = ""
    with model:
        on_loaded()
        for number in wanted:
            try:
                better = _better(model, prompts[number])
            except AiRunnerError as error:
                return Enhanced(tuple(drawn), f"the prompt model failed: {error}")
            if better is None:
                problem = "the prompt model had nothing to add"
            else:
                drawn[number] = better
    return Enhanced(tuple(drawn), problem)


def _better(model: SpecialistHandle, prompt: str) -> str | None:
    """A small model answers by luck, and is quick to ask again."""
    for _ in range(_ATTEMPTS):
        answer = model.invoke(
            _QUESTION.format(prompt=prompt), max_tokens=_ANSWER_TOKENS, remember=False
        )
        if better := merged(prompt, answer):
            return better
    return None


def merged(prompt: str, answer: str) -> str | None:
    """What to draw for ``prompt`` after the enhancer's ``answer``; ``None`` if that is unusable.

    The answer itself if every word that matters survives in it, else the prompt
    with the answer's additions behind it.
    """
    line = _line_of(answer)
    if not line or _CHAT.search(line):
        return None
    asked, offered = _matter(prompt), _matter(line)
    if not offered - asked - _ASPECTS:
        return None
    is_whole = asked and asked <= offered and not _new_colours(asked, offered)
    if is_whole and len(offered) > len(_WORD.findall(line)) / 3:  # else it goes round in circles
        return line
    phrases = _phrases(line, asked)
    return _limited(f"{prompt.strip().rstrip('.,;')}, {', '.join(phrases)}") if phrases else None


def _phrases(line: str, asked: set[str]) -> list[str]:
    """What an answer adds: "warm light" of "The light is warm.", or the short phrases of a list."""
    short = [f"{said[2]} {said[1]}" for said in _SAID_OF.finditer(line)]
    if not short:
        pieces = [piece.strip() for piece in re.split(r"[,;.:]+\s*", line) if piece.strip()]
        short = [piece for piece in pieces if len(piece.split()) <= _LONGEST_PHRASE]
        if len(short) <= len(pieces) / 2:  # sentences, cut where their commas happen to be
            return []
    found: dict[str, None] = {}
    for piece in short:
        words = _matter(piece)
        if words - asked - _ASPECTS and not _new_colours(asked, words):
            found[piece[:1].lower() + piece[1:]] = None
    return list(found)[:_MOST_PHRASES]


def _new_colours(asked: set[str], offered: set[str]) -> set[str]:
    """Colours that were not asked for, where some were: they would win over those that were."""
    return (offered - asked) & _COLOURS if asked & _COLOURS else set()


def _line_of(answer: str) -> str:
    """The answer as one line, without labels, markup and sentences of the question."""
    text = _MARKUP.sub("", answer[:_READ_OF_ANSWER]).strip()
    text = _LABEL.sub("", _LABEL.sub("", text)).strip()
    paragraph = re.split(r"\n\s*\n", text, maxsplit=1)[0]
    sentences = re.split(r"(?<=[.!?])\s+|\n", paragraph)
    kept: list[str] = []
    for sentence in sentences:
        if sentence.strip() and not _ECHO.search(sentence) and sentence not in kept:
            kept.append(sentence)
    return _limited(" ".join(" ".join(kept).split()))


def _limited(line: str) -> str:
    """The first words; image models read about 75 tokens and do not see the rest."""
    words = line.split()
    if len(words) > _MOST_WORDS:
        line = " ".join(words[:_MOST_WORDS])
        head, separator, _ = line.rpartition(",")
        line = head if separator and len(head) > len(line) // 2 else line
    return line.rstrip(" ,;.")


def _matter(text: str) -> set[str]:
    """The words that say what is in the picture, plurals as their singulars."""
    words = {word.lower() for word in _WORD.findall(text)} - _SMALL_WORDS
    return {word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words}
