"""About how many tokens a prompt has, without asking the model.

Owns the guess, for deciding what fits beside what. Who has to know counts:
``ChatModel.count_tokens``.
"""

from __future__ import annotations

import json

from airunner.engines.base import ChatRequest

_BYTES_PER_TOKEN = 3
"""English has 4 to 5 bytes a token, code and Chinese 3, in the vocabularies of Qwen and Llama."""
_MESSAGE_TOKENS = 8
_MEDIA_TOKENS = 1024
"""What a picture of a megapixel becomes, in Qwen's projectors."""


def text_tokens(text: str) -> int:
    """About how many tokens a text has."""
    n_bytes = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return n_bytes // _BYTES_PER_TOKEN + 1


def tokens_about(request: ChatRequest) -> int:
    """About how many tokens the prompt of ``request`` has."""
    tools = [[tool.name, tool.description, tool.parameters] for tool in request.tools]
    total = text_tokens(json.dumps(tools, default=str)) if tools else 0
    for message in request.messages:
        calls = "".join(json.dumps(call.arguments, default=str) for call in message.tool_calls)
        total += text_tokens(message.text + message.reasoning + calls) + _MESSAGE_TOKENS
        total += _MEDIA_TOKENS * len(message.media)
    return total
