"""A diary of any length: plain text for prompts that have to be long."""

from __future__ import annotations

import random

SENTENCE_TOKENS = 16.5  # measured with the tokenizer of SmolLM2

_PEOPLE = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "Tony")
_PLACES = ("the harbour", "a mill", "the old library", "a lighthouse", "the market", "a forge")
_DEEDS = ("repaired the clock", "drew a map", "counted the boats", "told a story", "baked bread")


def story(length_tokens: int, seed: int) -> str:
    """Plain text of roughly so many tokens, different for every seed."""
    rng = random.Random(seed)
    sentences: list[str] = []
    while len(sentences) * SENTENCE_TOKENS < length_tokens:
        day = rng.randint(1, 300)
        who, where, what = rng.choice(_PEOPLE), rng.choice(_PLACES), rng.choice(_DEEDS)
        sentences.append(f"On day {day}, {who} went to {where} and {what}.")
    return " ".join(sentences)
