"""A talk with the primary: message after message, until somebody leaves.

Owns the turns, how they are interrupted, and what goes with the next message. What is seen is
``chat_screen``'s, what a command does ``chat_commands``'.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from airunner.cli.attached import with_pictures
from airunner.cli.flags import print_error
from airunner.cli.streams import complain, tell
from airunner.errors import AiRunnerError, ServerGoneError

if TYPE_CHECKING:
    from airunner.cli.chat_history import ChatHistory
    from airunner.cli.following import Follower
    from airunner.cli.prompt import Prompt
    from airunner.events import PermissionAsked, TurnFinished
    from airunner.messages import Content, Part
    from airunner.runtime import AnyRuntime

_LEAVING = ("exit", "quit", "bye")
"""What leaves other programs, and could be a message."""


class Talk:
    """Turns in the conversation that ``history`` holds.

    Attributes:
        prompt: where messages are typed.
        pictures: they go with the next message.
        tools: whether the model may call any.
        ended: whether somebody has left.
    """

    def __init__(
        self,
        runtime: AnyRuntime,
        history: ChatHistory,
        follower: Follower,
        prompt: Prompt,
        *,
        pictures: Sequence[Part] = (),
        quiet: bool = False,
    ) -> None:
        self.runtime = runtime
        self.history: ChatHistory = history
        self.pictures: Sequence[Part] = pictures
        self.tools, self.ended = True, False
        self.prompt: Prompt = prompt
        self._follower, self._quiet = follower, quiet

    def tell(self, line: str, indent: int = 0) -> None:
        """Say something of our own; what does not fit its line is set off by ``indent``."""
        tell(line, aside=self._quiet, indent=indent)

    def go_on(self, first: str | None = None) -> None:
        """Message after message, until the user leaves; ``first`` needs not be typed any more."""
        from airunner.cli.chat_commands import obey

        while not self.ended:
            try:
                text, first = first or self.prompt.message(), None
                if text is None:
                    return
                line = text.strip()
                if line.startswith("/") and not line.startswith("//"):
                    obey(line, self)
                elif line.casefold() in _LEAVING and self._leaves(line):
                    self.ended = True
                elif line:
                    self.send(line[1:] if line.startswith("//") else text)
            except KeyboardInterrupt:
                if not self.prompt.at_terminal:
                    raise
                # Between a turn and a line there is nothing to break off; nobody leaves by it.

    def _leaves(self, word: str) -> bool:
        """Whether a lone word is no message: it is asked, or told where nobody can answer."""
        if self.prompt.at_terminal:
            return self.prompt.confirms(f"Leave? No sends {word!r} to the model.")
        self.tell(f"{word!r} alone ends the chat, as /quit does.")
        return True

    def send(self, text: str) -> None:
        """Ask a message and the pictures that wait for one."""
        content, self.pictures = with_pictures(text, self.pictures), ()
        self.ask(content)

    def ask(self, content: Content) -> None:
        """Take a turn; where there is none, say why, and let the question wait to be asked again.

        Raises:
            AiRunnerError: there is none, and nobody is there who could do anything about it.
        """
        try:
            self.take_turn(content)
        except AiRunnerError as error:
            if not (self.prompt.at_terminal or isinstance(error, ServerGoneError)):
                raise
            complain(error)
            if self._quiet:
                print_error(error)
            if not self.history.holds_question:
                self._put_back(content)

    def _put_back(self, content: Content) -> None:
        from airunner.messages import MediaPart, parts_of, text_of_content

        text = text_of_content(content)
        self.pictures = tuple(p for p in parts_of(content) if isinstance(p, MediaPart))
        self.prompt.put_back(f"/{text}" if text.startswith("/") else text)

    def take_turn(self, content: Content) -> TurnFinished | None:
        """Run one turn, and show it; ``None`` if Ctrl-C broke it off.

        Raises:
            AiRunnerError: there was none, or it could not go on.
        """
        from airunner.events import ConversationSwitched, PermissionAsked, TurnFinished

        history, runtime, follower = self.history, self.runtime, self._follower
        finished: TurnFinished | None = None
        choice = "auto" if self.tools else "none"
        try:
            history.before_turn(content)
            asks = sys.stdin.isatty()
            turn = runtime.turn(history.conversation, content, may_ask=asks, tool_choice=choice)
            # Closed whatever happens: a turn that waits for an answer never ends by itself.
            with closing(turn):
                while True:
                    with self.prompt.answering():
                        event = next(turn, None)
                        while event is not None and not isinstance(event, PermissionAsked):
                            follower.check()
                            if isinstance(event, ConversationSwitched):
                                history.switch_after_turn(event.to)
                            elif isinstance(event, TurnFinished):
                                finished = event
                            event = next(turn, None)
                    if event is None:
                        break
                    self._ask(event)
        except KeyboardInterrupt:
            return None
        finally:
            try:
                follower.wait()
            finally:
                history.after_turn(finished)
        return finished

    def _ask(self, event: PermissionAsked) -> None:
        from airunner.cli.question import ask

        with self._follower.held():
            answer = ask(event)
        self.runtime.answer(event.question, answer)
