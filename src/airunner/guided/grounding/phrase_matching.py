"""Which span of a message is for which argument of type string.

Every pair of a slot and a span gets a score from the signs of ``phrase_features``;
the assignment with the greatest sum of spans that do not overlap wins.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from airunner.guided.grounding.phrase_features import Surroundings
from airunner.guided.grounding.phrase_weights import LEAST_OPTIONAL, LEAST_REQUIRED, WEIGHTS
from airunner.guided.grounding.phrases import Phrase, Token
from airunner.guided.grounding.slots import Slot

_OPTIONS = 5
_MOST_TRIED = 1500
_IN_ORDER = 0.3
_WITHOUT = -2.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span and how well it suits a slot."""

    phrase: Phrase
    score: float


def matched_phrases(
    slots: Sequence[Slot],
    phrases: Sequence[Phrase],
    tokens: Sequence[Token],
    known: Collection[str],
) -> dict[Slot, Candidate]:
    """The span for each slot that has one."""
    around = Surroundings(tokens, known, slots)
    options = [_ranked(slot, phrases, around) for slot in slots]
    chosen = _Search(slots, options).best
    return {slot: pair for slot, pair in zip(slots, chosen, strict=False) if pair}


def _ranked(slot: Slot, phrases: Sequence[Phrase], around: Surroundings) -> list[Candidate]:
    least = LEAST_REQUIRED if slot.required else LEAST_OPTIONAL
    found = [Candidate(p, score_of(around, slot, p)) for p in phrases]
    return sorted((c for c in found if c.score >= least), key=lambda c: -c.score)[:_OPTIONS]


def score_of(around: Surroundings, slot: Slot, phrase: Phrase) -> float:
    """How well a span suits a slot."""
    return sum(WEIGHTS.get(sign, 0.0) * strength for sign, strength in around.signs(slot, phrase))


class _Search:
    """All assignments that could be the best, tried one after the other."""

    def __init__(self, slots: Sequence[Slot], options: Sequence[Sequence[Candidate]]) -> None:
        self._slots, self._options = slots, options
        self._total, self._tried = float("-inf"), 0
        self.best: tuple[Candidate | None, ...] = ()
        self._try(0, 0.0, ())

    def _try(self, at: int, total: float, chosen: tuple[Candidate | None, ...]) -> None:
        self._tried += 1
        if self._tried > _MOST_TRIED:
            return
        if at == len(self._slots):
            if total > self._total + 1e-9:
                self._total, self.best = total, chosen
            return
        last = next((c for c in reversed(chosen) if c), None)
        for candidate in self._options[at]:
            if not any(c and c.phrase.overlaps(candidate.phrase) for c in chosen):
                in_order = last is not None and last.phrase.first < candidate.phrase.first
                bonus = _IN_ORDER if in_order else 0.0
                self._try(at + 1, total + candidate.score + bonus, (*chosen, candidate))
        self._try(at + 1, total + (_WITHOUT if self._slots[at].required else 0.0), (*chosen, None))
