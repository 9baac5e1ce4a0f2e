"""Fitting a conversation into a model's context.

Owns what is left out when not everything fits, and nothing of how the rest is
worded. The pictures of earlier exchanges go first, all at once: each takes as much as a
page of text, and what was said of it stays. Then whole exchanges go, oldest first, never
a tool call without its result; and many at once, because each cut means that the prompt
is processed anew. A picture of the newest exchange is never left out: a model that is
asked about it and does not see it would answer all the same.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace

from airunner.agent.conversation import Conversation, CountedPrompt
from airunner.errors import ContextOverflowError
from airunner.media import without_media
from airunner.messages import MediaKind, Message, ToolSchema, joined_contents, with_text
from airunner.tools.passages import estimated_tokens, head_and_tail

Render = Callable[[Sequence[Message]], list[Message]]
Count = Callable[[Sequence[Message], Sequence[ToolSchema]], Awaitable[int]]

KEEP_AFTER_CUT = 0.6
"""Share of the room that is filled after old exchanges were dropped."""

_SHORTEST = 96
_TEMPLATE_BYTES = 64
_ABSURD = 20
_UNKNOWN = sys.maxsize


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt that fits.

    ``tokens`` is its length, or where that was plainly short an upper bound of
    it. ``dropped`` messages are no longer sent from now on; ``shortened`` ones
    of the newest exchange are sent without their middle, now and later; of ``left_out``
    pictures and recordings only a note is sent.
    """

    messages: list[Message]
    tokens: int
    dropped: int = 0
    shortened: int = 0
    left_out: int = 0


async def fit(
    conversation: Conversation,
    *,
    render: Render,
    tools: Sequence[ToolSchema],
    count: Count,
    n_ctx: int,
    reserve: int,
    model: str,
    most_ctx: int | None = None,
    takes: Collection[MediaKind] = (),
    may_shorten: bool = True,
) -> Fitted:
    """The longest part of ``conversation`` that leaves ``reserve`` tokens for the answer.

    Moves ``conversation.start`` where exchanges have to go. Where the newest one
    alone is too long, its longest messages lose their middle if ``may_shorten``:
    what is sent of them is kept in the conversation, so that every later prompt
    begins with it. Pictures and recordings that are not of the kinds which the model
    ``takes`` are sent as notes.

    Raises:
        ContextOverflowError: not even the newest exchange fits.
    """
    room = n_ctx - reserve

    def prompt(messages: Sequence[Message]) -> list[Message]:
        # Only now: tool calling reads in the messages what the user said, and nothing else.
        shown = render(_as_sent([*conversation.head, *messages], takes))
        return _prefaced(shown, conversation.preface)

    async def measure(messages: Sequence[Message]) -> int:
        rendered = prompt(messages)
        # A tokenizer makes at most one token of a byte, and in prose one of four or five, so
        # neither a short prompt nor an absurdly long one is counted, nor one that adds
        # little to the last: rendering it with its tools takes an engine tens of milliseconds.
        # What a picture takes, the engine alone knows.
        bound = min(
            _byte_bound(rendered, tools), _grown_bound(conversation.counted, model, rendered, tools)
        )
        if bound <= room or _ABSURD * room < bound < _UNKNOWN:
            return bound
        return await count(rendered, tools)

    dropped = 0
    exchanges = conversation.exchanges
    tokens = await measure(_flat(exchanges))
    left_out = conversation.leave_out_media(takes) if tokens > room else 0
    if left_out:
        exchanges = conversation.exchanges
        tokens = await measure(_flat(exchanges))
    if tokens > (KEEP_AFTER_CUT * room if left_out else room) and len(exchanges) > 1:
        least, most = 1, len(exchanges) - 1
        while least < most:
            middle = (least + most) // 2
            if await measure(_flat(exchanges[middle:])) > KEEP_AFTER_CUT * room:
                least = middle + 1
            else:
                most = middle
        dropped = conversation.drop_exchanges(least)
        tokens = await measure(_flat(conversation.exchanges))
    messages = whole = _flat(conversation.exchanges)
    while tokens > room:
        shorter = _shorten_longest(messages, takes) if may_shorten else None
        if shorter is None:
            raise ContextOverflowError(model, tokens, n_ctx, most_ctx)
        messages = shorter
        tokens = await measure(messages)
    shortened = sum(a is not b for a, b in zip(whole, messages, strict=True))
    if shortened:
        conversation.messages[-len(messages) :] = messages
    return Fitted(prompt(messages), tokens, dropped, shortened, left_out)


def _shorten_longest(messages: list[Message], takes: Collection[MediaKind]) -> list[Message] | None:
    """``messages`` with the longest text halved, or ``None`` if all are short already."""
    sizes = [estimated_tokens(message.text) for message in _as_sent(messages, takes)]
    longest = max(range(len(sizes)), key=sizes.__getitem__, default=None)
    if longest is None or sizes[longest] <= _SHORTEST:
        return None
    message = messages[longest]
    text = head_and_tail(message.text, max(_SHORTEST, sizes[longest] // 2))
    sent = with_text(message.content, text)
    return [
        *messages[:longest],
        replace(message, sent=sent),
        *messages[longest + 1 :],
    ]


def _as_sent(messages: Sequence[Message], takes: Collection[MediaKind]) -> list[Message]:
    """``messages`` as a model gets them that ``takes`` such media."""
    return [
        message
        if message.sent is None and isinstance(message.content, str)
        else replace(
            message,
            content=without_media(message.content if message.sent is None else message.sent, takes),
        )
        for message in messages
    ]


def _prefaced(rendered: list[Message], preface: str) -> list[Message]:
    """``rendered`` with ``preface`` in front of its first user message."""
    at = next((i for i, message in enumerate(rendered) if message.role == "user"), None)
    if not preface or at is None:
        return rendered
    first = replace(rendered[at], content=joined_contents(preface, rendered[at].content))
    return [*rendered[:at], first, *rendered[at + 1 :]]


def _flat(exchanges: Sequence[Sequence[Message]]) -> list[Message]:
    return [message for exchange in exchanges for message in exchange]


def _grown_bound(
    last: CountedPrompt | None,
    model: str,
    rendered: Sequence[Message],
    tools: Sequence[ToolSchema],
) -> int:
    """An upper bound from the last prompt, if ``rendered`` begins with it; else no bound."""
    if last is None or (last.model, last.tools) != (model, tools):
        return _UNKNOWN
    known = len(last.messages)
    if list(rendered[:known]) != list(last.messages):
        return _UNKNOWN
    return min(_UNKNOWN, last.tokens + _byte_bound(rendered[known:], ()))


def _byte_bound(messages: Sequence[Message], tools: Sequence[ToolSchema]) -> int:
    if any(message.media for message in messages):
        return _UNKNOWN
    said = sum(
        len(message.text.encode())
        + len(message.reasoning.encode())
        + len(repr(message.tool_calls).encode())
        + _TEMPLATE_BYTES
        for message in messages
    )
    # Templates write a schema out, some with indentation.
    offered = sum(2 * len(repr(tool).encode()) + _TEMPLATE_BYTES for tool in tools)
    return said + offered
