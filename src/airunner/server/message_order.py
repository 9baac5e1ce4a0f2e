"""The order in which a request's messages stand in the prompt.

Templates such as Qwen's take one system message, at the beginning, and fail where another
stands further down. Clients send several: Codex begins with some, Claude Code tells of the
surroundings after the first question. Those at the beginning become one. A later one stays
where it is, as words of the user's: in the first message, each new one would change the
beginning of the prompt, and with it throw the whole KV cache away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import dropwhile, takewhile
from typing import Any

from airunner.engines.openai_form import text_of

_SYSTEM_ROLES = ("system", "developer")


def in_order(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages ``rows`` with at most one system message, which is the first.

    A later one is joined to the message of the user that stands next to it, the one before
    it first: some templates fail where two of the user's follow each other.
    """
    head = [text_of(row.get("content")) for row in takewhile(_is_system, rows)]
    ordered: list[dict[str, Any]] = []
    joins = False
    for row in dropwhile(_is_system, rows):
        moved = _is_system(row)
        if moved and not text_of(row.get("content")):
            continue
        said = {"role": "user", "content": row.get("content")} if moved else dict(row)
        if (joins or moved) and ordered and ordered[-1]["role"] == said["role"] == "user":
            before = ordered[-1]
            before["content"] = _joined(before.get("content"), said.get("content"))
        else:
            ordered.append(said)
        joins = moved
    first = [{"role": "system", "content": "\n\n".join(filter(None, head))}] if head else []
    return [*first, *ordered]


def _is_system(row: Mapping[str, Any]) -> bool:
    return row["role"] in _SYSTEM_ROLES


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    return [*_parts(first), *_parts(second)]


def _parts(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
