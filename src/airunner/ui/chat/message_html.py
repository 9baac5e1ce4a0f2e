"""What has been said, as HTML: a message of a saved conversation, a call and what came of it."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from airunner.messages import MediaPart, Message, TextPart, parts_of
from airunner.pictures import PicturesFolder
from airunner.ui.safe_markdown import code_block, rendered

_MOST_SHOWN = 20_000
"""Characters of a result that are shown."""


@dataclass(slots=True)
class Call:
    """A tool call as it is shown; ``seconds`` and ``specialist`` where they are known."""

    tool: str
    arguments: Mapping[str, Any]
    result: str = ""
    problem: str = ""
    progress: str = ""
    seconds: float | None = None
    running: bool = False
    pictures: Sequence[str] = ()


def message_html(
    message: Message, results: Mapping[str, Message], conversation: str, pictures: PicturesFolder
) -> str:
    """One message, empty if it is not shown; ``results`` answer its calls, by their id."""
    if message.role == "user":
        return f'<div class="said user">{_content(message, conversation)}</div>'
    if message.role != "assistant":
        return ""
    calls = []
    for call in message.tool_calls:
        answer = results.get(call.id)
        result = answer.text if answer else ""
        drawn = picture_names(result, pictures)
        calls.append(call_html(Call(call.name, call.arguments, result, pictures=drawn)))
    inside = f"{reasoning_html(message.reasoning)}{rendered(message.text)}{''.join(calls)}"
    return f'<div class="said assistant">{inside}</div>' if inside else ""


def reasoning_html(text: str, *, open: bool = False) -> str:
    """What the model thought, folded."""
    if not text.strip():
        return ""
    state = " open" if open else ""
    return f'<details class="thought"{state}><summary>Thought</summary>{rendered(text)}</details>'


def call_html(call: Call) -> str:
    """A call as a quiet card that opens."""
    state = "running" if call.running else "failed" if call.problem else "done"
    time = f'<span class="time">{call.seconds:.1f} s</span>' if call.seconds is not None else ""
    now = f'<span class="progress">{html.escape(call.progress)}</span>' if call.running else ""
    arguments = code_block(json.dumps(dict(call.arguments), ensure_ascii=False, indent=2), "json")
    told = call.problem or call.result
    result = (
        f'<pre class="result" tabindex="0">{html.escape(told[:_MOST_SHOWN])}</pre>' if told else ""
    )
    return (
        f'<details class="call {state}"><summary><span class="name">{html.escape(call.tool)}</span>'
        f"{now}{time}</summary>{arguments}{result}</details>{pictures_html(call.pictures)}"
    )


def pictures_html(names: Iterable[str]) -> str:
    """Pictures of the pictures folder, which open at full size."""
    sources = ((f"/api/v1/pictures/{quote(name)}", html.escape(name)) for name in names)
    return "".join(
        f'<a class="picture" href="{source}" target="_blank">'
        f'<img src="{source}" alt="{name}" loading="lazy"></a>'
        for source, name in sources
    )


def picture_names(result: str, pictures: PicturesFolder) -> list[str]:
    """The pictures that a tool's result names and the pictures folder has."""
    words = (word.strip(".,;:()'\"") for word in result.split())
    names = [word for word in words if word.lower().endswith((".png", ".jpg", ".jpeg", ".webp"))]
    return [name for name in dict.fromkeys(names) if "/" not in name and pictures.find(name)]


def _content(message: Message, conversation: str) -> str:
    parts = []
    for part in parts_of(message.content):
        if isinstance(part, TextPart):
            parts.append(f'<div class="text">{html.escape(part.text)}</div>')
        elif isinstance(part, MediaPart) and part.kind == "image":
            source = f"/api/v1/conversations/{html.escape(conversation)}/files/{part.sha256}"
            parts.append(
                f'<img class="given" src="{source}" alt="a picture you gave" loading="lazy">'
            )
        else:
            parts.append('<div class="text">A recording</div>')
    return "".join(parts)
