"""Summaries of texts of any length, by the specialist for them or without it.

Owns how a long text is worked through: part by part, then the parts' summaries
together, until one prompt holds them all.
"""

from __future__ import annotations

from airunner.models.spec import ModelCapability
from airunner.toolbox.text.asking import PASSAGE_TOKENS, ask, ask_each
from airunner.tools.api import ToolApi
from airunner.tools.passages import estimated_tokens, split_passages, split_sentences

_SUMMARY_TOKENS = 256
_FALLBACK_NOTE = (
    "(The summarization model could not be used. These are sentences of the text itself.)"
)


def summarize(text: str, max_sentences: int, api: ToolApi | None) -> str:
    """A summary of ``text``, which must not be blank.

    Where the specialist cannot be used it is made of sentences of the text, and says so.
    """
    passages = split_passages(text, PASSAGE_TOKENS)
    if len(passages) == 1:
        summary = _one_summary(passages[0], max_sentences, api)
    else:
        summary = _summary_of_many(passages, max_sentences, api)
    return summary or _first_sentences(text, max_sentences)


def _one_summary(text: str, max_sentences: int, api: ToolApi | None) -> str:
    prompt = _summary_prompt(text, max_sentences)
    return ask(api, ModelCapability.SUMMARIZATION, prompt, _SUMMARY_TOKENS)


def _summary_of_many(passages: list[str], max_sentences: int, api: ToolApi | None) -> str:
    """Summaries of the passages, joined and summarised again until they fit one prompt."""
    while len(passages) > 1:
        prompts = [_summary_prompt(passage, max_sentences) for passage in passages]
        parts = ask_each(api, ModelCapability.SUMMARIZATION, prompts, _SUMMARY_TOKENS)
        if not all(parts):
            return ""
        joined = "\n\n".join(parts)
        if estimated_tokens(joined) >= sum(estimated_tokens(passage) for passage in passages):
            return joined
        passages = split_passages(joined, PASSAGE_TOKENS)
    return _one_summary(passages[0], max_sentences, api)


def _summary_prompt(text: str, max_sentences: int) -> str:
    amount = "one sentence" if max_sentences == 1 else f"at most {max_sentences} sentences"
    return f"Summarize the following text in {amount}.\n\n{text}"


def _first_sentences(text: str, count: int) -> str:
    """The opening sentence and the closing ones: the usual extractive baseline for prose."""
    sentences = split_sentences(text)
    chosen = sentences if len(sentences) <= count else sentences[: max(1, count - 1)]
    if 1 < count < len(sentences):
        chosen.append(sentences[-1])
    return f"{_FALLBACK_NOTE} {' '.join(chosen)}"
