"""Executing one call: what counts against its time."""

from __future__ import annotations

import asyncio
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from airunner.agent.approvals import Approvals
from airunner.agent.tool_call import ToolCaller
from airunner.engines.image import Drawn, ImageRequest
from airunner.messages import ToolCall
from airunner.pictures import PicturesFolder
from airunner.tools.permissions import Permissions
from airunner.tools.tool import tool
from airunner.tools.toolset import Toolset

LIMIT_S = 1.0
"""Far more than a busy machine takes to begin with a tool."""


class SlowArtist:
    """Draws for longer than the limit of a tool."""

    pictures = PicturesFolder(Path("nowhere"))

    def draw(self, request: ImageRequest) -> Drawn:
        threading.Event().wait(1.5 * LIMIT_S)
        return Drawn((), 1.5 * LIMIT_S)

    def series(self) -> Any:
        return nullcontext()

    def use_specialized_model(self, *_: Any, **__: Any) -> str | None:
        return None

    def load_specialized_model(self, *_: Any, **__: Any) -> None:
        return None


@tool
def draws(api: Any = None) -> str:
    """Draw a picture."""
    api.draw(ImageRequest("a circle"))
    return "drawn"


@tool
def hangs(api: Any = None) -> str:
    """Wait until nobody cares."""
    while not api.cancelled:
        threading.Event().wait(0.001)
    return "too late"


def answer_of(name: str) -> str:
    caller = ToolCaller(
        Toolset([draws, hangs]),
        shown=("draws", "hangs"),
        turn="turn",
        conversation="conversation",
        approvals=Approvals(Permissions()),
        if_unsure="deny",
        emit=lambda _: None,
        specialists=SlowArtist(),
        facilities=None,
        timeout_s=LIMIT_S,
        max_retries=0,
    )
    outcome = asyncio.run(caller.run(ToolCall("1", name, {}), 100))
    return outcome.message.content


def test_drawing_takes_as_long_as_it_takes() -> None:
    assert answer_of("draws") == "drawn"


def test_anything_else_has_to_end_in_time() -> None:
    assert answer_of("hangs").startswith("Error: ")
