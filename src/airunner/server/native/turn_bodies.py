"""What a client may ask of a turn.

Owns the bodies of requests; what a turn makes of them is in ``turns``.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from airunner.runtime.attached import ALL_TOOLS as ALL_TOOLS


class ChatOptions(BaseModel):
    """What holds for a whole conversation.

    Attributes:
        model: the registered model that answers; ``None`` for whatever serves conversation.
        thinking: on or off, where the model has such a switch; ``None`` is its default.
        without: the toolsets and tools that are not run, or ``*`` for all of them. What a
            model is shown of tools stays as it is, so that its cache serves.
    """

    model: str | None = None
    thinking: bool | None = None
    without: list[str] = Field(default_factory=list)


class TurnBody(BaseModel):
    """The body of a turn.

    With ``conversation`` it is the client's and nothing is saved here. Else it is the saved
    one called ``conversation_id``, or a new one, which begins with ``system``. A ``detached``
    turn goes on when its reader hangs up: others may read it, and it is ended by its id.
    ``attachments`` are ids of files that were sent before. ``options`` are kept with a saved
    conversation, and hold for its later turns until others come.
    """

    content: str | dict[str, Any]
    conversation: dict[str, Any] | None = None
    conversation_id: str | None = None
    system: str = ""
    attachments: list[str] = Field(default_factory=list)
    options: ChatOptions | None = None
    sampling: dict[str, Any] = Field(default_factory=dict)
    seed: int | None = None
    may_ask: bool = False
    tool_choice: str = "auto"
    max_tokens: int | None = Field(default=None, ge=1)
    detached: bool = False


class AnswerBody(BaseModel):
    """What the user says to a question of a turn."""

    answer: Literal["yes", "no", "always", "never"]
