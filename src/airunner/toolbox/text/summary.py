"""Summaries of texts of any length, by the specialist for them.

Owns how a long text is worked through: part by part, then the parts' summaries
together, until one prompt holds them all.
"""

from __future__ import annotations

from airunner.errors import ToolFailedError
from airunner.models.spec import ModelCapability
from airunner.toolbox.text.asking import PASSAGE_TOKENS, ask_each
from airunner.tools.api import ToolApi
from airunner.tools.passages import estimated_tokens, split_passages

_SUMMARY_TOKENS = 256


def summarize(tool: str, text: str, max_sentences: int, api: ToolApi | None) -> str:
    """A summary of ``text``, which must not be blank.

    Raises:
        ToolFailedError: the specialist could not be used; ``tool`` is the one that failed.
    """
    amount = "one sentence" if max_sentences == 1 else f"at most {max_sentences} sentences"
    while True:
        passages = split_passages(text, PASSAGE_TOKENS)
        prompts = [
            f"Summarize the following text in {amount}.\n\n{passage.strip()}"
            for passage in passages
            if passage.strip()
        ]
        parts = ask_each(api, ModelCapability.SUMMARIZATION, prompts, _SUMMARY_TOKENS)
        done = [part for part in parts if part]
        if not done:
            raise ToolFailedError(
                tool, "the summarization model could not be used; read the text and summarize it"
            )
        if len(done) < len(parts):
            missing = f"Only {len(done)} of {len(parts)} parts of the text are in this summary"
            return "\n\n".join([*done, f"({missing}: the model could not go on.)"])
        joined = "\n\n".join(parts)
        if len(parts) == 1 or estimated_tokens(joined) >= estimated_tokens(text):
            return joined
        text = joined
