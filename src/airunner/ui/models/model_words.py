"""What is said of models on the page: what they can do, and their names."""

from __future__ import annotations

import html

from airunner.models.spec import ModelCapability, short_name

CAPABILITIES = {
    ModelCapability.PRIMARY_CONVERSATION: "Conversation",
    ModelCapability.PROMPT_ENHANCEMENT: "Better picture prompts",
    ModelCapability.SUMMARIZATION: "Summaries",
    ModelCapability.TRANSLATION: "Translation",
    ModelCapability.CODE_GENERATION: "Writing code",
    ModelCapability.CODE_EDITING: "Changing code",
    ModelCapability.CLASSIFICATION: "Classification",
    ModelCapability.EXTRACTION: "Extraction",
    ModelCapability.IMAGE_GENERATION: "Pictures",
    ModelCapability.EMBEDDING: "Search by meaning",
}
GATED = '<span class="mark" title="Its publisher wants terms accepted first">gated</span>'


def abilities(names: list[str] | tuple[str, ...]) -> str:
    """What a model can do, as one phrase: ``Conversation, summaries, translation``."""
    words = [CAPABILITIES[ModelCapability(name)] for name in names]
    return ", ".join(w if i == 0 else w[0].lower() + w[1:] for i, w in enumerate(words))


def name_html(model: str) -> str:
    """A model's name, its publisher before it in small; the whole in its title."""
    short = short_name(model)
    publisher = model.removesuffix(short).strip("/\\")
    before = f"<small>{html.escape(publisher)}/</small>" if publisher else ""
    whole = f"{before}<b>{html.escape(short)}</b>"
    return f'<span class="name" title="{html.escape(model)}">{whole}</span>'
