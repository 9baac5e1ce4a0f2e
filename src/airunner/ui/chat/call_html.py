"""A tool call and the pictures that it drew, as HTML.

Owns the card: what is seen of it while it is folded, and what is in it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from airunner.durations import format_seconds
from airunner.models.spec import short_name
from airunner.pictures import PicturesFolder
from airunner.server.native.turn_account import DrawnPicture
from airunner.ui.chat.icons import act_button, icon_html
from airunner.ui.safe_markdown import code_block

_MOST_SHOWN = 20_000
"""Characters of a result that are shown."""
_PICTURE = re.compile(r"\d{4}-\d\d-\d\d \d\d\.\d\d [^\s/\\]+(?: \d+)?\.png")
_TOLD_SETTINGS = ("seed", "width", "height", "steps", "guidance", "strength")


@dataclass(slots=True)
class Call:
    """A tool call as it is shown; ``seconds`` and ``models`` where they are known."""

    tool: str
    arguments: Mapping[str, Any]
    result: str = ""
    problem: str = ""
    progress: str = ""
    seconds: float | None = None
    running: bool = False
    models: Sequence[str] = ()
    pictures: Sequence[DrawnPicture] = field(default_factory=list)

    @property
    def state(self) -> str:
        """Its class in the style sheet."""
        return "running" if self.running else "failed" if self.problem else "done"


def call_html(call: Call) -> str:
    """A call as a quiet card that opens, and its pictures."""
    return (
        f'<details class="call {call.state}"><summary>{summary_html(call)}</summary>'
        f"{inside_html(call)}</details>{pictures_html(call.pictures)}"
    )


def summary_html(call: Call) -> str:
    """The line of the folded card."""
    parts = [f'<span class="name">{html.escape(call.tool)}</span>']
    if call.models:
        names = ", ".join(short_name(model) for model in call.models)
        parts.append(f'<span class="by">with {html.escape(names)}</span>')
    if call.running and call.progress:
        parts.append(f'<span class="so-far">{html.escape(call.progress)}</span>')
    if call.problem:
        words = "not run" if call.problem.startswith(f"{call.tool} was not run") else "failed"
        parts.append(f'<span class="so-far">{words}</span>')
    if call.seconds is not None:
        parts.append(f'<span class="time">{format_seconds(call.seconds)}</span>')
    return "".join(parts)


def inside_html(call: Call) -> str:
    """What is seen when it is opened: the arguments, and what came of them."""
    arguments = code_block(json.dumps(dict(call.arguments), ensure_ascii=False, indent=2), "json")
    told = call.problem or call.result
    if not told:
        return arguments
    shown = html.escape(told[:_MOST_SHOWN])
    return f'{arguments}<pre class="result" tabindex="0" aria-label="result">{shown}</pre>'


def pictures_html(pictures: Iterable[DrawnPicture]) -> str:
    """Pictures of the pictures folder, with what they were drawn with and their buttons."""
    return "".join(map(_picture_html, pictures))


def _picture_html(picture: DrawnPicture) -> str:
    source, name = f"/api/v1/pictures/{quote(picture.name)}", html.escape(picture.name)
    prompt = html.escape(picture.settings.get("prompt", "") or picture.name)
    told = [f"{key} {picture.settings[key]}" for key in _TOLD_SETTINGS if key in picture.settings]
    if picture.model:
        told.insert(0, short_name(picture.model))
    # The place that it takes is kept, so that nothing moves when it has come.
    sizes = ((key, picture.settings.get(key, "")) for key in ("width", "height"))
    size = "".join(f' {key}="{value}"' for key, value in sizes if value.isdecimal())
    save = (
        f'<a class="act icon" href="{source}" download="{name}" aria-label="Save the picture"'
        f' title="Save the picture">{icon_html("download")}</a>'
    )
    return (
        f'<figure class="drawn"><a href="{source}" target="_blank" rel="noopener">'
        f'<img src="{source}" alt="{prompt}"{size} loading="lazy"></a>'
        f'<figcaption><span class="prompt">{prompt}</span>'
        f'<span class="settings">{html.escape(" · ".join(told))}</span>'
        f'<span class="acts">{act_button("another", "Another", at=picture.name)}'
        f"{act_button('change', 'Change…', at=picture.name)}{save}</span></figcaption></figure>"
    )


def drawn_pictures(result: str, folder: PicturesFolder) -> list[DrawnPicture]:
    """The pictures that a tool's result names and the pictures folder has, with their settings."""
    paths = [folder.find(name) for name in dict.fromkeys(_PICTURE.findall(result))]
    return [DrawnPicture(path.name, "", folder.settings(path)) for path in paths if path]
