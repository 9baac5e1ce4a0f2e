"""The team's conversations with clients that send their whole history with every request.

Such a client never sees what the team did between its message and the answer. Owns the
conversations with those hidden steps in them, and finding the one that a request goes on
with by what was said: a client sends back the messages it knows, and the steps are still
between them. Of a history that nobody knows here a new conversation is made.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby, takewhile

from airunner.agent.conversation import Conversation
from airunner.agent.open_calls import answer_open_calls
from airunner.messages import Content, Message, with_text
from airunner.resources.known_conversations import KnownConversations
from airunner.resources.visitor import current_visitor

MOST_HELD = 256
"""Conversations whose messages are held; of more, those used longest ago are given up."""

_TEAM = "airunner"


@dataclass(slots=True)
class OpenConversation:
    """One conversation for the length of an answer.

    ``content`` is what the user says now, ``None`` where the request ends with results of
    tools, which are in the conversation already. ``answer`` is what the client gets to see,
    whoever answers fills it in.
    """

    conversation: Conversation
    content: Content | None
    answer: Message = field(default_factory=lambda: Message("assistant"))


@dataclass(slots=True)
class _Held:
    """A conversation. ``places`` has, for each message that the client knows, how many
    messages the conversation had after it, and ``theirs`` the calls that the client answers."""

    conversation: Conversation
    places: list[int] = field(default_factory=list)
    theirs: set[str] = field(default_factory=set)


class TeamConversations:
    """See the module's description. Used on one event loop.

    What is ``known`` outlasts the process where its state does. The hidden steps do not: a
    request that goes on there has the state up to the first of them.
    """

    def __init__(self, known: KnownConversations) -> None:
        self._known = known
        self._held: OrderedDict[str, _Held] = OrderedDict()

    @contextmanager
    def going_on(self, messages: Sequence[Message]) -> Iterator[OpenConversation]:
        """The conversation that a client's whole history ``messages`` belongs to.

        What the client did not know stays in it up to the first message that differs. After
        the body it holds ``answer`` as what the client knows of the turn, however it ended.
        """
        keys = [_key(message) for message in messages]
        # What one key's team has done is nobody else's, also where the same is said again.
        settings = {"key": current_visitor().name}
        with self._known.going_on(_TEAM, keys, settings) as known:
            held = self._held.pop(known.id, None) or _Held(Conversation(known.id))
            pairs = zip(known.chain, known.asked, range(len(held.places)), strict=False)
            shared = sum(before == now for before, now, _ in pairs)
            _cut(held, shared)
            content = _extend(held, messages[shared:])
            opened = OpenConversation(held.conversation, content)
            try:
                yield opened
            finally:
                _close(held, content)
                held.theirs.update(call.id for call in opened.answer.tool_calls)
                self._known.answered(known, _key(opened.answer))
                self._held[known.id] = held
                while len(self._held) > MOST_HELD:
                    self._held.popitem(last=False)


def _cut(held: _Held, shared: int) -> None:
    """Go back to where the client knew ``shared`` messages; to all of it, where it knew all."""
    conversation = held.conversation
    if shared < len(held.places):
        del held.places[shared:]
        place = held.places[-1] if held.places else 0
        rest = takewhile(_is_result, conversation.messages[place:])
        # Ours, which stand among those that the client gives anew.
        conversation.messages[place:] = [m for m in rest if m.tool_call_id not in held.theirs]
    if conversation.start > len(conversation.messages):
        conversation.start = 0


def _close(held: _Held, content: Content | None) -> None:
    """Hold the turn as it ended, also where it ended before it began."""
    messages = held.conversation.messages
    if content is not None and len(messages) < held.places[-1]:
        messages.append(Message("user", content))
    place = len(messages)
    while place and _is_result(messages[place - 1]):
        place -= 1  # ours, which the client's own will stand among
    held.places.append(place)


def _extend(held: _Held, new: Sequence[Message]) -> Content | None:
    """Add what the client has said since; returns the newest message of its user, not added."""
    messages = held.conversation.messages
    if not new:  # it wants another answer
        return messages.pop().content if messages and messages[-1].role == "user" else None
    last = new[-1] if new[-1].role == "user" else None
    for is_result, run in groupby(new if last is None else new[:-1], _is_result):
        for message in (said := list(run)):
            if is_result:
                continue
            answer_open_calls(messages)
            messages.append(replace(message, reasoning=""))
            held.theirs.update(call.id for call in message.tool_calls)
            held.places.append(len(messages))
        if is_result:
            answer_open_calls(messages, said)
            held.places += [len(messages)] * len(said)
    if last is None:
        return None
    answer_open_calls(messages)
    held.places.append(len(messages) + 1)
    return last.content


def _is_result(message: Message) -> bool:
    return message.role == "tool"


def _key(message: Message) -> Message:
    """``message`` as clients repeat it: they join the pieces of an answer in their own ways."""
    return replace(message, content=with_text(message.content, "".join(message.text.split())))
