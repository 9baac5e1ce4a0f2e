"""Tools that work on text with a specialised model: summarise and translate.

Owns what a translation asks for; summaries are ``tools.summary``, and how a text
longer than a specialist's context is worked through is ``tools.asking``.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.toolbox.text.asking import PASSAGE_TOKENS, ask, ask_each
from airunner.toolbox.text.summary import summarize
from airunner.tools.passages import split_passages
from airunner.tools.tool import tool

_TRANSLATION_TOKENS = 768


@tool(
    permission="read",
    uses=(ModelCapability.SUMMARIZATION,),
)
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
    return summarize(text, max_sentences, api)


@tool(
    permission="read",
    uses=(ModelCapability.TRANSLATION,),
)
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
    passages = split_passages(text, PASSAGE_TOKENS // 2)
    if not passages or not language:
        raise ToolRetryError("pass both the text and the language to translate it into.")
    prompts = [
        f"Translate the following text into {language}. "
        f"Reply with the translation only.\n\n{passage}"
        for passage in passages
    ]
    if len(prompts) == 1:
        done = [ask(api, ModelCapability.TRANSLATION, prompts[0], _TRANSLATION_TOKENS)]
    else:
        done = ask_each(api, ModelCapability.TRANSLATION, prompts, _TRANSLATION_TOKENS)
    translated = [part for part in done if part]
    if len(translated) < len(passages):
        raise ToolFailedError(
            "translate_text",
            f"the translation model could not be used, so the text was not put into {language}",
        )
    return "\n\n".join(translated)
