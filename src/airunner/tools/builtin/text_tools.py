"""Tools that work on text with a specialised model: summarise and translate.

Owns the prompts for those specialists, how a text longer than their context is
worked through, and what happens when the specialist cannot be used.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from airunner.errors import AiRunnerError, ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.tools.api import SpecialistHandle, ToolApi
from airunner.tools.passages import estimated_tokens, split_passages, split_sentences
from airunner.tools.tool import tool
from airunner.tools.user_words import BodyText, Named

PASSAGE_TOKENS = 1200
"""Estimated tokens of text given to a specialist at once: with its prompt and
its answer that fits a context of 2,048, the smallest a specialist is loaded with."""

_SUMMARY_TOKENS = 256
_TRANSLATION_TOKENS = 768
_FALLBACK_NOTE = (
    "(The summarization model could not be used. These are sentences of the text itself.)"
)

_LANGUAGE_NAMES = """
Arabic Chinese Czech Danish Dutch English Finnish French German Greek Hebrew Hindi Hungarian
Indonesian Italian Japanese Korean Norwegian Polish Portuguese Romanian Russian Spanish Swedish
Thai Turkish Ukrainian Vietnamese
"""
_LANGUAGES = tuple(_LANGUAGE_NAMES.split())


@tool(
    permission="read",
    keywords=(
        "summary",
        "summarise",
        "shorten",
        "condense",
        "recap",
        "gist",
        "tldr",
        "tl dr",
        "key points",
        "main points",
        "main idea",
        "boil down",
        "sum up",
        "in short",
        "in a nutshell",
        "brief overview",
        "make shorter",
    ),
    topics=("abstract", "overview", "shorter", "essentials", "paragraph", "article"),
    examples=(
        "summarize this article",
        "give me a short summary of the following text",
        "sum up the key points of this paragraph",
        "condense this report into three sentences",
        "shorten this text",
        "tl;dr of this email",
        "what is the gist of this passage",
    ),
)
def summarize_text(
    text: BodyText,
    max_sentences: Annotated[int, Field(ge=1, le=12)] = 3,
    api: Any = None,
) -> str:
    """Summarize a text in a few sentences.

    Args:
        text: the full text to summarize.
        max_sentences: the most sentences that the summary may have.
    """
    passages = split_passages(text, PASSAGE_TOKENS)
    if not passages:
        raise ToolRetryError("text is empty; pass the text that is to be summarized.")
    if len(passages) == 1:
        summary = _one_summary(passages[0], max_sentences, api)
    else:
        summary = _summary_of_many(passages, max_sentences, api)
    return summary or _first_sentences(text, max_sentences)


@tool(
    permission="read",
    keywords=(
        "translation",
        "translate",
        "how do you say",
        "how do i say",
        "how would you say",
    ),
    topics=_LANGUAGES,
    examples=(
        "translate good morning into French",
        "translate this sentence to Spanish",
        "how do you say thank you in Italian",
        "put this paragraph into German",
        "what is the Japanese translation of this text",
        "I need this letter in Portuguese",
    ),
)
def translate_text(
    text: BodyText,
    target_language: Annotated[str, Field(max_length=40), Named(_LANGUAGES)],
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
        done = [_ask(api, ModelCapability.TRANSLATION, prompts[0], _TRANSLATION_TOKENS)]
    else:
        done = _ask_each(api, ModelCapability.TRANSLATION, prompts, _TRANSLATION_TOKENS)
    translated = [part for part in done if part]
    if len(translated) < len(passages):
        raise ToolFailedError(
            "translate_text",
            f"the translation model could not be used, so the text was not put into {language}",
        )
    return "\n\n".join(translated)


def _one_summary(text: str, max_sentences: int, api: ToolApi | None) -> str:
    prompt = _summary_prompt(text, max_sentences)
    return _ask(api, ModelCapability.SUMMARIZATION, prompt, _SUMMARY_TOKENS)


def _summary_of_many(passages: list[str], max_sentences: int, api: ToolApi | None) -> str:
    """Summaries of the passages, joined and summarised again until they fit one prompt."""
    while len(passages) > 1:
        prompts = [_summary_prompt(passage, max_sentences) for passage in passages]
        parts = _ask_each(api, ModelCapability.SUMMARIZATION, prompts, _SUMMARY_TOKENS)
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


def _ask(api: ToolApi | None, capability: ModelCapability, prompt: str, max_tokens: int) -> str:
    if api is None:
        return ""
    return (api.use_specialized_model(capability, prompt, max_tokens=max_tokens) or "").strip()


def _ask_each(
    api: ToolApi | None, capability: ModelCapability, prompts: list[str], max_tokens: int
) -> list[str]:
    """An answer for each prompt, from one stay of the model in memory; empty where it failed.

    Asking one by one would bring the primary back between any two of them.
    """
    model: SpecialistHandle | None = api.load_specialized_model(capability) if api else None
    if api is None or model is None:
        return [""] * len(prompts)
    answers: list[str] = []
    with model:
        for number, prompt in enumerate(prompts, start=1):
            if api.cancelled:
                break
            api.report(f"part {number} of {len(prompts)}")
            try:
                answer = model.invoke(prompt, max_tokens=max_tokens, remember=False)
            except AiRunnerError as error:
                api.report(f"part {number} failed: {error}")
                break
            answers.append(answer.strip())
    return answers + [""] * (len(prompts) - len(answers))


def _first_sentences(text: str, count: int) -> str:
    """The opening sentence and the closing ones: the usual extractive baseline for prose."""
    sentences = split_sentences(text)
    chosen = sentences if len(sentences) <= count else sentences[: max(1, count - 1)]
    if 1 < count < len(sentences):
        chosen.append(sentences[-1])
    return f"{_FALLBACK_NOTE} {' '.join(chosen)}"
