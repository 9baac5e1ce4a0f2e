"""Events of a turn: what is said, called, allowed, drawn and remembered."""

from __future__ import annotations

from dataclasses import asdict, field
from typing import Any

from airunner.events.event import Event


class TurnStarted(Event):
    """The agent loop took up a user's message."""

    turn: str
    conversation: str
    model: str


class TextStreamed(Event):
    """A piece of the answer. ``reasoning`` marks thinking, not for the final text."""

    turn: str
    text: str
    reasoning: bool = False


class GenerationFinished(Event):
    """One generation of a model ended, with what it cost.

    ``ttft_s`` is when the caller had something to show: of a tool call, its name.
    ``prompt_s`` and ``decode_s`` are the engine's own times for reading the prompt and
    writing the answer.
    """

    turn: str
    model: str
    conversation: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    ttft_s: float
    total_s: float
    finish_reason: str
    prompt_s: float = 0.0
    decode_s: float = 0.0


class ToolCallStarted(Event):
    """A tool is about to run with these arguments."""

    turn: str
    call: str
    tool: str
    arguments: dict[str, Any]


class PermissionAsked(Event):
    """A tool call waits for the user; ``question`` is what the answer must name.

    ``always`` is what an answer of "always" will cover, as a rule is written.
    """

    turn: str
    call: str
    question: str
    tool: str
    permission: str
    arguments: dict[str, Any]
    always: str = ""


class PermissionDecided(Event):
    """A call was asked about, or denied: by the ``user``, a ``rule``, or as ``nobody`` could say.

    ``question`` is empty where none was asked.
    """

    turn: str
    call: str
    question: str
    tool: str
    allowed: bool
    by: str


class ToolProgressed(Event):
    """A tool says how far it is."""

    turn: str
    call: str
    tool: str
    text: str


class ToolCallFinished(Event):
    """A tool returned, or failed with ``problem``. ``truncated`` says the result was shortened."""

    turn: str
    call: str
    tool: str
    result: str
    problem: str
    seconds: float
    truncated: bool = False


class CallStreamed(Event):
    """A piece of a call that ``ExternalCallMade`` tells whole, while it is decoded.

    ``arguments`` are JSON, as far as they go beyond the pieces before. Only a call that is
    decoded under its tool's schema is told so; the token limit may cut it off.
    """

    turn: str
    call: str
    tool: str
    arguments: str


class ExternalCallMade(Event):
    """A call of a tool that the turn's caller brought, who runs it; the turn ends with it.

    The arguments match the tool's schema. The next turn begins with the result.
    """

    turn: str
    call: str
    tool: str
    arguments: dict[str, Any]


class ImageStepped(Event):
    """An image model finished one denoising step. ``owner`` is the work it is for."""

    model: str
    owner: str
    step: int
    steps: int
    preview_png: bytes | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Any]:
        """As every event's, without the pixels."""
        return {"kind": self.kind} | {k: v for k, v in asdict(self).items() if k != "preview_png"}


class PictureSaved(Event):
    """A picture lies in the pictures folder. ``settings`` is what it was drawn with."""

    model: str
    owner: str
    path: str
    width: int
    height: int
    seconds: float
    settings: dict[str, str]


class PictureDeleted(Event):
    """A picture of the pictures folder was deleted."""

    path: str


class DrawingChanged(Event):
    """A drawing of the queue is ``queued``, ``running``, ``done``, ``failed``, ``cancelled`` or
    ``forgotten`` now.

    ``owner`` is its id, which its steps and pictures have as well; ``place`` is 1 for the next
    one to begin, ``None`` if it does not wait.
    """

    owner: str
    state: str
    place: int | None = None
    problem: str = ""


class ToolRefused(Event):
    """A tool from outside (an MCP server, an installed package) is not offered."""

    origin: str
    tool: str
    problem: str


class ToolServerConnected(Event):
    """An MCP server runs and offers ``tools`` tools."""

    server: str
    tools: int
    connect_s: float


class ToolServerChanged(Event):
    """An MCP server has other tools than before.

    New ones are offered from the next start on; a call of a changed one is asked about.
    """

    server: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


class ToolServerFailed(Event):
    """An MCP server did not start, died or hung; a later call of its tools starts it again."""

    server: str
    problem: str


class HistoryTrimmed(Event):
    """Something was left out so that the prompt fits the context.

    ``dropped_messages`` are no longer sent; of ``left_out_media`` pictures and recordings
    in others only a note is. ``shortened_messages`` of the newest exchange are sent
    without their middle.
    """

    turn: str
    dropped_messages: int
    n_ctx: int
    left_out_media: int = 0
    shortened_messages: int = 0


class TurnFinished(Event):
    """The turn ended: ``answered``, ``tool_calls``, ``step_limit``, ``cancelled`` or ``failed``.

    With ``tool_calls`` it ends in calls that its caller runs; see ``ExternalCallMade``.
    ``cut_off`` says that its text ends where the most tokens or the context did.
    """

    turn: str
    outcome: str
    text: str
    steps: int
    total_s: float
    problem: str = ""
    cut_off: bool = False


class ConversationSwitched(Event):
    """A tool moved the talk: the next turn belongs to conversation ``to``."""

    turn: str
    conversation: str
    to: str


class ConversationChanged(Event):
    """A saved conversation is another than before: ``saved``, ``retitled``, ``moved``, ``deleted``.

    ``moved`` is to another folder, or among those that are pinned or not.

    ``turn_runs`` says that a turn of it runs now; published when that begins and ends too.
    """

    conversation: str
    what: str
    turn_runs: bool = False


class RememberedChanged(Event):
    """What is remembered beside conversations was changed: ``notes``, ``facts``, ``reminders``.

    By whoever keeps it by hand; what a model's tool changes is told by its call.
    """

    what: str


class ReminderDue(Event):
    """A reminder was due at ``due_s`` (Unix time), and nobody has taken note of it yet."""

    number: int
    text: str
    due_s: float
