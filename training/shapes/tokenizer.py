"""The tokenizer: CLIP's kind, with a vocabulary learned from our captions.

Owns what is in ``vocab.json`` and ``merges.txt``. Every byte has a token, so no
prompt fails; the words of the captions are one token each.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from training.shapes.captions import varied_caption
from training.shapes.scenes import all_scenes

MAX_TOKENS = 40
"""Longest prompt in tokens, start and end included; what is beyond is cut."""

_START, _END = "<|startoftext|>", "<|endoftext|>"
_SUFFIX = "</w>"
_MERGES = 700


def make_tokenizer(folder: Path) -> CLIPTokenizer:
    """Learn the vocabulary, save it to ``folder``, and return the tokenizer read back from it."""
    random = np.random.default_rng(0)
    captions = [varied_caption(scene, random) for scene in all_scenes()]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    learned = Tokenizer(models.BPE(end_of_word_suffix=_SUFFIX))
    learned.normalizer = normalizers.Lowercase()
    learned.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=2 * len(letters) + _MERGES,
        initial_alphabet=letters,
        end_of_word_suffix=_SUFFIX,
        show_progress=False,
    )
    learned.train_from_iterator(captions, trainer)
    tokens = list(letters) + [letter + _SUFFIX for letter in letters]
    merges: list[tuple[str, str]] = []
    known = set(tokens)
    for left, right in _merges_of(learned):
        merges.append((left, right))
        if left + right not in known:
            known.add(left + right)
            tokens.append(left + right)
    vocabulary = {token: number for number, token in enumerate([*tokens, _START, _END])}
    made = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_TOKENS)
    made.save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


def _merges_of(learned: Tokenizer) -> list[tuple[str, str]]:
    """The learned merges; older releases of the library write a pair as one text."""
    merges = json.loads(learned.to_str())["model"]["merges"]
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in merges)
    return [(left, right) for left, right in pairs]
