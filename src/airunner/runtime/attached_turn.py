"""A turn that the server runs, for a program that holds the conversation.

Owns that the conversation here becomes what it became there, however the turn ends: also
when it is broken off, and when the server is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from typing import Any

from airunner.agent.conversation import Conversation
from airunner.errors import AiRunnerError, ServerGoneError
from airunner.events import Event, TextStreamed, TurnFinished, TurnStarted
from airunner.events.reading import event_from_json
from airunner.messages import Content, Message
from airunner.runtime.native_client import NativeClient, Piece, failure_in
from airunner.runtime.native_form import Growth, content_as_json, conversation_as_json

Publish = Callable[[Event], None]


def attached_turn(
    client: NativeClient,
    conversation: Conversation,
    content: Content,
    options: Mapping[str, Any],
    publish: Publish,
) -> Generator[Event, None, None]:
    """The events of the turn; all that happens meanwhile is published. Closing cancels it."""
    turn = _AttachedTurn(conversation, content, publish)
    body = {
        "conversation": conversation_as_json(conversation),
        "content": content_as_json(content),
        **options,
    }
    ended = False
    try:
        with client.stream("/turns", body) as pieces:
            for piece in pieces:
                event = turn.take(piece)
                if event is not None and hasattr(event, "turn"):
                    yield event
        ended = True
    except ServerGoneError as error:
        ended = True
        finished = turn.lost(error)
        if finished is None:
            raise
        yield finished
        return
    finally:
        if not ended and turn.id:  # closed or interrupted: it is cancelled, and what was said kept
            with suppress(AiRunnerError):
                turn.broken_off(client.delete(f"/turns/{turn.id}"))
    if turn.failure is None and not turn.is_whole:
        finished = turn.lost(ServerGoneError(client.server.url, "it ended in the middle"))
        if finished is not None:
            yield finished
    if turn.failure is not None:
        raise turn.failure


class _AttachedTurn:
    """What is known of the turn so far."""

    def __init__(self, conversation: Conversation, content: Content, publish: Publish) -> None:
        self.id = ""
        self.is_whole = False
        self.failure: AiRunnerError | None = None
        self._conversation, self._content, self._publish = conversation, content, publish
        self._turn = self._said = ""
        self._finished: TurnFinished | None = None

    def take(self, piece: Piece) -> Event | None:
        """Do as a piece says; the event, if it is one."""
        match piece.name:
            case "begun":
                self.id = piece.value["id"]
            case "conversation":
                Growth.apply(piece.value, self._conversation)
                self.is_whole = True
            case "error":
                self.failure = failure_in(piece.value)
            case "result" | "cancelled":
                pass
            case _:
                return self._happened(piece.value)
        return None

    def broken_off(self, told: Mapping[str, Any]) -> None:
        """Take how the server says that it ended."""
        if not self.is_whole:
            Growth.apply(told["conversation"], self._conversation)
        if told["finished"] is not None:
            self._happened(told["finished"])

    def lost(self, error: ServerGoneError) -> TurnFinished | None:
        """The server is gone: keep what was said, and end the turn if it had begun."""
        if not self._turn:
            return None
        if not self.is_whole:
            self._conversation.messages.append(Message("user", self._content))
            if self._said:
                self._conversation.messages.append(Message("assistant", self._said))
        if self._finished is not None:
            return self._finished
        finished = TurnFinished(
            turn=self._turn,
            outcome="failed",
            text=self._said,
            steps=0,
            total_s=0.0,
            problem=str(error),
        )
        self._publish(finished)
        return finished

    def _happened(self, value: Mapping[str, Any]) -> Event | None:
        event = event_from_json(value)
        if isinstance(event, TurnStarted):
            self._turn = event.turn
        elif isinstance(event, TextStreamed) and not event.reasoning:
            self._said += event.text
        elif isinstance(event, TurnFinished):
            self._finished = event
        if event is not None:
            self._publish(event)
        return event
