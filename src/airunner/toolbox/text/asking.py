"""Asking a specialised model from a tool's body: once, or about each piece of a long text.

Owns how large a piece may be and how a failure shows: as an empty answer. What is
asked, and what an empty answer means, is each tool's own.
"""

from __future__ import annotations

from airunner.errors import AiRunnerError
from airunner.models.spec import ModelCapability
from airunner.tools.api import SpecialistHandle, ToolApi

PASSAGE_TOKENS = 1200
"""Estimated tokens of text given to a specialist at once: with its prompt and
its answer that fits a context of 2,048, the smallest a specialist is loaded with."""


def ask(api: ToolApi | None, capability: ModelCapability, prompt: str, max_tokens: int) -> str:
    """The answer to ``prompt``; empty if the model could not be used."""
    if api is None:
        return ""
    return (api.use_specialized_model(capability, prompt, max_tokens=max_tokens) or "").strip()


def ask_each(
    api: ToolApi | None, capability: ModelCapability, prompts: list[str], max_tokens: int
) -> list[str]:
    """An answer for each prompt, from one stay of the model in memory; empty where it failed.

    Asking one by one would bring the primary back between any two of them.
    """
    if len(prompts) == 1:
        return [ask(api, capability, prompts[0], max_tokens)]
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
