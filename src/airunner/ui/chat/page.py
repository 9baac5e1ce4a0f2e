"""One conversation: what was said, what is being answered, and what is typed next.

Owns what is seen of a conversation in one tab and when it is drawn anew. What its buttons
do is in ``message_actions``.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

from nicegui import background_tasks, events, ui

from airunner.agent.approvals import Answer
from airunner.errors import (
    AiRunnerError,
    ConversationBusyError,
    StorageError,
    UnknownRecordError,
)
from airunner.events import ConversationChanged
from airunner.messages import Message
from airunner.server.native.services import Services
from airunner.server.native.turn_bodies import ChatOptions, TurnBody
from airunner.server.native.turns import Turn
from airunner.ui.chat.attached_files import AttachedFiles
from airunner.ui.chat.chat_options import Choice, choose_options
from airunner.ui.chat.composer import Composer, ComposerActions
from airunner.ui.chat.empty_chat import empty_chat
from airunner.ui.chat.icons import ACTED
from airunner.ui.chat.live_answer import LiveAnswer
from airunner.ui.chat.message_actions import MessageActions
from airunner.ui.chat.message_html import Made, Talk, ending_in_words, said_html, talk_html
from airunner.ui.notices import Problem, tell_problem
from airunner.ui.window import on_events, stay_at


class ChatPage:
    """The conversation of one tab; a new one has no id until something is said in it."""

    def __init__(self, services: Services, id: str | None) -> None:
        self._services, self.id = services, id
        self.talk = Talk("", (), services.core.pictures)
        self._choice = Choice(ChatOptions())
        self._pieces: list[tuple[str, ui.html]] = []
        self._made: Made = []
        self._empty: ui.element | None = None
        self._watch: asyncio.Task[None] | None = None
        self._unsaved: ui.element | None = None
        self._unsaved_at = 0  # where its answer will be, if another program saves it
        self._followed: Turn | None = None
        self._refusal: Problem | None = None
        self._waits = False  # whether that is because an answer is being written
        self.is_lost = False  # its conversation is not here any more: what is said begins one
        self._client = ui.context.client
        self._busy = asyncio.Lock()
        self._files = files = AttachedFiles(services.attachments)
        self._actions = MessageActions(self, services, files)
        with ui.element("div").classes("chat"):
            self._log = ui.element("div").classes("log").props('role="log" aria-live="off"')
            self._log.props["aria-label"] = "Conversation"
            self._log.on("click", self._clicked, js_handler=ACTED)
            self._title = ui.label("New conversation").classes("unseen")
            self._title.props('role="heading" aria-level="1"')
            self._status = ui.label("").classes("unseen").props('role="status"')
            self.composer = Composer(
                ComposerActions(
                    send=self._actions.send,
                    stop=self._stop,
                    edit_last=self._actions.edit_last,
                    options=self._choose,
                    cancel_edit=self._actions.cancel_edit,
                ),
                files,
            )
        on_events(services.core.bus, (ConversationChanged,), self.refresh, together_s=0.05)
        self._log.on("delete", self.close)
        self._client.on_delete(self.close)
        ui.timer(0.01, self._open, once=True)

    def close(self) -> None:
        """Follow nothing any more."""
        if self._watch is not None:
            self._watch.cancel()

    async def refresh(self) -> None:
        """Show what is saved and not shown yet, and follow the turn that runs."""
        async with self._busy:  # who comes meanwhile finds the turn followed
            if self._is_gone or (self._watch is not None and not self._watch.done()):
                return
            turn = self._services.turns.of(self.id) if self.id else None
            await self._show_saved(turn)
            if turn is None or not turn.work.running:
                self._may_go_on()
            elif not self._is_gone:
                self._watch = background_tasks.create(
                    self._follow(turn), name="a tab follows a turn"
                )

    @property
    def options(self) -> ChatOptions:
        """What is chosen for this conversation."""
        return self._choice.options

    async def begin(self, text: str, files: list[str], tool: str = "auto") -> bool:
        """Begin a turn with what was typed, and a ``tool`` first; says whether it has begun."""
        asked = TurnBody(
            content=text,
            tool_choice=tool,
            conversation_id=None if self.is_lost else self.id,
            attachments=files,
            system=self._choice.system,
            options=self._choice.options,
            may_ask=True,
            detached=True,
        )
        try:
            turn = await self._services.turns.begin(asked, text)
        except AiRunnerError as error:
            await self._refused(error)
            return False
        if self._refusal is not None:
            self._refusal.over()
        self.is_lost = False
        if self.id != turn.conversation.id:  # it is new, or was changed elsewhere meanwhile
            self.id = turn.conversation.id
            stay_at(f"/chat/{self.id}", self._log)
        await self.refresh()
        if self._followed is not turn and not turn.work.running and not self._is_gone:
            self._announce(turn)  # it was over before it could be followed
        return True

    async def _refused(self, error: AiRunnerError) -> None:
        """Say why nothing has begun; that the conversation is not here is said in its place."""
        if isinstance(error, UnknownRecordError) and self.id is not None and not self.is_lost:
            await self.refresh()
            if self.is_lost:
                return
        self._refusal = tell_problem(error)
        self._waits = isinstance(error, ConversationBusyError)

    def _may_go_on(self) -> None:
        """No answer is being written any more: who was told to wait for it need not."""
        if self._waits and self._refusal is not None:
            self._refusal.over()
            self._waits = False

    @property
    def _is_gone(self) -> bool:
        return self._client.is_deleted or self._log.is_deleted

    async def _open(self) -> None:
        if self.id is not None:
            self._choice.options = await self._services.turns.options(self.id)
            self._choose_these(self._choice)
        ui.run_javascript("airunner.openChat()")
        await self.refresh()

    async def _load(self, running: Turn | None) -> Talk:
        pictures = self._services.core.pictures
        if self.id is None:
            return Talk("", (), pictures)
        saved = self._services.conversations
        try:
            whole = await asyncio.to_thread(saved.load, self.id)
        except UnknownRecordError:
            self.is_lost = True
            ui.page_title("AI Runner")
            self._title.set_text("New conversation")
            return Talk("", (), pictures)
        self.is_lost = False
        family = await asyncio.to_thread(saved.family, self.id)
        accounts = await self._services.turns.accounts(self.id)
        messages = whole.messages
        if running is not None:
            messages = messages[: len(running.before)]
        ui.page_title(f"{whole.title} - AI Runner")
        self._title.set_text(whole.title)
        return Talk(self.id, messages, pictures, accounts, family.versions)

    async def _show_saved(self, running: Turn | None = None) -> None:
        """What was said; where a turn is ``running``, what was said before it."""
        talk = await self._load(running)
        if running is None and self._unsaved is not None and not talk.messages[self._unsaved_at :]:
            return  # the only place where that answer still is
        self.talk = talk
        wanted = await asyncio.to_thread(talk_html, self.talk, self._made)
        if self._is_gone:
            return
        if self._unsaved is not None:
            self._unsaved.delete()
            self._unsaved = None
        kept = 0
        for (shown, _), piece in zip(self._pieces, wanted, strict=False):
            if shown != piece:
                break
            kept += 1
        for _, element in self._pieces[kept:]:
            element.delete()
        del self._pieces[kept:]
        if self._empty is not None:
            self._empty.delete()
            self._empty = None
        with self._log:
            for piece in wanted[kept:]:
                self._pieces.append((piece, ui.html(piece, sanitize=False)))
            if not wanted and running is None:
                self._empty = empty_chat(self._services, self.id)

    async def _follow(self, turn: Turn) -> None:
        self._followed = turn
        with self._client, self._log, ui.element("div").classes("turn") as box:
            said = said_html(Message("user", turn.content), self.id or "")
            ui.html(f'<div class="said user">{said}</div>', sanitize=False)
            live = LiveAnswer(self._answer)
        self.composer.running(True)
        self._status.set_text("Answering")
        try:
            with self._client:
                await live.follow(turn)
        finally:
            if not self._is_gone:
                self.composer.running(False)
                await self._end(turn, box)

    async def _end(self, turn: Turn, box: ui.element) -> None:
        """Show what became of a turn; an answer that could not be saved stays in its ``box``."""
        with self._client, contextlib.suppress(AiRunnerError):
            self._may_go_on()
            self._announce(turn)
            async with self._busy:
                self._watch = None  # what is saved from now on is read anew
                if isinstance(turn.work.error, StorageError):
                    self._unsaved, self._unsaved_at = box, sys.maxsize
                elif turn.saver is None and turn.work.error is None:
                    self._unsaved, self._unsaved_at = box, len(turn.before) + 1
                await self._show_saved()
            if self._unsaved is None and not box.is_deleted:
                box.delete()

    def _announce(self, turn: Turn) -> None:
        """Say how a turn ended."""
        error, stopped = turn.work.error, turn.work.has_been_cancelled
        ending = ending_in_words(turn.account, failed=error is not None, stopped=stopped)
        self._status.set_text(ending)
        if error is not None and not turn.account.problem:
            tell_problem(error)

    def _answer(self, question: str, answer: Answer) -> None:
        self._services.core.answer(question, answer)
        ui.run_javascript("airunner.focusMessage()")

    async def _clicked(self, event: events.GenericEventArguments) -> None:
        await self._actions.act(event.args)

    async def _stop(self) -> None:
        turn = self._services.turns.of(self.id) if self.id else None
        if turn is not None:
            turn.work.break_off()

    async def _choose(self) -> None:
        await choose_options(self._services, self._choice, self.id is None, self._choose_these)

    def _choose_these(self, choice: Choice) -> None:
        self._choice = choice
        self.composer.chosen(choice.in_words())
        self._files.choose_for(choice.options.model)


def show_conversation(services: Services, id: str | None = None) -> None:
    """The middle of the page."""
    ui.page_title("AI Runner")
    ChatPage(services, id)
