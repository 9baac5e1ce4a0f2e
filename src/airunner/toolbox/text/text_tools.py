"""Tools that work on text with a specialised model: summarise and translate.

Owns what a translation asks for; summaries are ``text.summary``, and how a text
longer than a specialist's context is worked through is ``text.asking``.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.toolbox.text.asking import PASSAGE_TOKENS, ask_each
from airunner.toolbox.text.summary import summarize
from airunner.tools.passages import split_passages
from airunner.tools.tool import tool

TRANSLATION_TOKENS = 768
"""The most tokens of the translation of one passage."""


@tool(permission="read", uses=(ModelCapability.SUMMARIZATION,))
def summarize_text(
    text: str,
    max_sentences: Annotated[int, Field(ge=1, le=12)] = 3,
    api: Any = None,
) -> str:
    """Summarize a text in a few sentences.

    Args:
        text: the full text to summarize.
        max_sentences: the most sentences that the summary may have.
    """
    if not text.strip():
        raise ToolRetryError("text is empty; pass the text that is to be summarized.")
    return summarize("summarize_text", text, max_sentences, api)


@tool(permission="read", uses=(ModelCapability.TRANSLATION,))
def translate_text(
    text: str,
    target_language: Annotated[str, Field(max_length=40)],
    api: Any = None,
) -> str:
    """Translate a text into another language.

    Args:
        text: the full text to translate.
        target_language: the language to translate into, such as French.
    """
    language = target_language.strip()
    prompts = translation_prompts(text, language)
    if not prompts or not language:
        raise ToolRetryError("pass both the text and the language to translate it into.")
    done = ask_each(api, ModelCapability.TRANSLATION, prompts, TRANSLATION_TOKENS)
    if not all(done):
        raise ToolFailedError(
            "translate_text",
            f"the translation model could not be used, so the text was not put into {language}",
        )
    return "\n\n".join(done)


def translation_prompts(text: str, language: str) -> list[str]:
    """What a translator is asked, passage by passage of a text; none of a blank one."""
    return [
        f"Translate the following text into {language}. "
        f"Reply with the translation only.\n\n{passage.strip()}"
        for passage in split_passages(text, PASSAGE_TOKENS // 2)
        if passage.strip()
    ]
