"""Better prompts for image models, as a tool for other programs.

Not among the built-in tools: in a conversation, drawing enhances its prompt itself.
"""

from __future__ import annotations

from typing import Any

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.tools.tool import tool

_PROMPT_TOKENS = 160


@tool(permission="read")
def enhance_prompt(idea: str, api: Any = None) -> str:
    """Rewrite a short idea as a detailed prompt for an image generator.

    Args:
        idea: what the picture shall show, in a few words.
    """
    if not idea.strip():
        raise ToolRetryError("The idea is empty; say what the picture shall show.")
    answer: str | None = None
    if api is not None:
        answer = api.use_specialized_model(
            ModelCapability.PROMPT_ENHANCEMENT, idea, max_tokens=_PROMPT_TOKENS
        )
    if not answer:
        raise ToolFailedError("enhance_prompt", "the prompt enhancement model could not be used")
    return answer
