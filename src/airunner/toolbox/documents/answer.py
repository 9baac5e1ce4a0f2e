"""A question about a document: the passages that may answer it, and an answer from them.

Owns what the specialist is asked and what of its reply is believed. A claim that no
quotation backs is not: a small model makes up quotations as readily as facts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from airunner.models.spec import ModelCapability
from airunner.toolbox.documents.document import Document, Passage
from airunner.toolbox.documents.quotes import (
    Quote,
    foreign_numbers,
    quotations,
    verified,
    without_repeats,
)
from airunner.toolbox.documents.ranking import best_passages
from airunner.toolbox.text.asking import ask
from airunner.tools.api import ToolApi
from airunner.tools.passages import split_sentences

MOST_PASSAGES = 5
"""With the question about as much as ``asking.PASSAGE_TOKENS``."""

_ANSWER_TOKENS = 256
_NOT_SAID = "Not said"
_LABEL = re.compile(r"^\W*(?:answer|reply)\W*:\s*", re.IGNORECASE)
_QUOTE_LINE = re.compile(r"^\W*quot(?:e|ation)s?\b[^\n:]{0,10}:[ \t]*(.*)$", re.I | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Passages in the order of the document; ``fits`` is false where none has a word asked for."""

    passages: tuple[Passage, ...]
    fits: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What the specialist made of the evidence.

    Attributes:
        text: its answer; empty where it could not be used, or found nothing.
        was_asked: whether it answered at all.
        quotes: what it quoted that is there, in the document's words.
        refused: what it quoted that is not.
        foreign_numbers: numbers in ``text`` that the evidence does not have.
    """

    text: str = ""
    was_asked: bool = False
    quotes: tuple[Quote, ...] = ()
    refused: tuple[str, ...] = ()
    foreign_numbers: tuple[str, ...] = ()


def evidence_for(document: Document, question: str) -> Evidence:
    """The passages most likely to answer ``question``; of a short document all."""
    if len(document.passages) <= MOST_PASSAGES:
        return Evidence(document.passages, fits=True)
    best = best_passages(document.passages, question, MOST_PASSAGES)
    if not best:
        return Evidence(document.passages[:MOST_PASSAGES], fits=False)
    chosen = {id(passage) for passage in best}
    return Evidence(tuple(p for p in document.passages if id(p) in chosen), fits=True)


def answer_from(passages: Sequence[Passage], question: str, api: ToolApi | None) -> Answer:
    """Ask the specialist, and check what it quotes."""
    shown = "\n\n".join(f"[{p.place}]\n{p.text}" if p.place else p.text for p in passages)
    prompt = (
        "Answer the question from the passages below and from nothing else. Reply like this:\n"
        "Answer: one or two sentences.\n"
        'Quote: "the words of a passage that show it, copied exactly"\n'
        f"If the passages do not say it, reply: {_NOT_SAID}.\n\n"
        f"{shown}\n\nQuestion: {question}"
    )
    reply = ask(api, ModelCapability.EXTRACTION, prompt, _ANSWER_TOKENS)
    return _checked(reply, passages, question) if reply else Answer()


def _checked(reply: str, passages: Sequence[Passage], question: str) -> Answer:
    head = _QUOTE_LINE.split(reply, maxsplit=1)[0]
    text = _LABEL.sub("", head).strip()
    if not text or text.casefold().startswith(_NOT_SAID.casefold()):
        return Answer(was_asked=True)
    lines = [line.strip() for line in _QUOTE_LINE.findall(reply)]
    claims = quotations(reply) + [line for line in lines if line and not quotations(line)]
    quotes, refused = verified(claims, passages)
    # An answer in the document's own words is its own quotation.
    quotes += verified(split_sentences(text), passages)[0]
    source = "\n".join([question, *(passage.text for passage in passages)])
    return Answer(
        text=text,
        was_asked=True,
        quotes=tuple(without_repeats(quotes)),
        refused=tuple(refused),
        foreign_numbers=tuple(foreign_numbers(text, source)),
    )
