"""What an MCP tool returned, as text for a model: bounded, and without the bytes of pictures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airunner.tools.json_form import plain_text

if TYPE_CHECKING:
    from mcp_types import CallToolResult, ContentBlock

MAX_RESULT = 200_000
"""Characters of a result that are kept; what a context can take is less and decided later."""

_REFERENCE = 200


def text_of_result(result: CallToolResult) -> str:
    """The parts of a result, one below the other; structured content where there is no other."""
    text = "\n".join(_part(block) for block in result.content)
    if not text.strip() and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False)
    return text if len(text) <= MAX_RESULT else text[:MAX_RESULT] + "\n[the rest was left out]"


def _part(block: ContentBlock) -> str:
    if block.type == "text":
        return block.text
    if block.type == "image" or block.type == "audio":
        size = len(block.data) * 3 // 4
        return f"[{block.type}, {plain_text(block.mime_type, 40)}, about {size:,} bytes]"
    if block.type == "resource_link":
        return f"[resource {plain_text(block.name, 80)}: {plain_text(str(block.uri), _REFERENCE)}]"
    content = block.resource
    inline = getattr(content, "text", None)
    if isinstance(inline, str):
        return inline
    return f"[resource {plain_text(str(content.uri), _REFERENCE)}]"
