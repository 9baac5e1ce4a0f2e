"""Text that looks like a model's control tokens, made harmless.

A chat template's result is tokenized as a whole, so a web page that contains
``<|im_start|>system`` would begin a message of its own, in anybody's name. What
users and tools say therefore loses the ability to be a control token: an invisible
character breaks the spelling, and nothing else changes. The spellings are those of
the vocabularies of Qwen, Llama, Mistral, Gemma, DeepSeek, Phi and their kin.
"""

from __future__ import annotations

import re

_BREAK = "\N{ZERO WIDTH NON-JOINER}"
_NAMES = """
s unk pad bos eos mask think tool_call tool_calls tool_response tool_result tools
start_of_turn end_of_turn start_of_image end_of_image
"""
_CONTROL = re.compile(
    r"(?:<(?=[|｜])"  # <|im_start|> and DeepSeek's full-width bars
    rf"|<(?=/?(?:{'|'.join(_NAMES.split())})>)"
    r"|\[(?=/?(?:INST|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|SYSTEM_PROMPT|IMG|PREFIX|SUFFIX)\])"
    r"|<(?=</?SYS>>)"
    r"|<(?=__media))"  # where older servers of llama.cpp put a picture
)


def harmless(text: str) -> str:
    """``text`` in which nothing can be taken for a control token."""
    return _CONTROL.sub(lambda found: found[0] + _BREAK, text)
