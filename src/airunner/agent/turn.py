"""One turn: from a user's message to the answer, with the tool calls between.

A call of a tool that the turn's caller brought along ends the turn, after those of ours
that were made beside it have run; the next one begins with its result.

Owns the order of things. The primary is leased for each generation and given
back before a tool runs, so that a specialist may take its memory; and whatever
ends the turn, every tool call in the conversation has its answer.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from airunner.agent.conversation import Conversation, CountedPrompt
from airunner.agent.generation import Retelling, run_generation
from airunner.agent.history import Fitted, fit
from airunner.agent.offered_tools import OfferedTools
from airunner.agent.open_calls import answer_open_calls, with_own_ids
from airunner.agent.team import Expect, Lease, Team
from airunner.agent.told_calls import ToldCalls, told_calls
from airunner.agent.tool_call import ANSWER_NOW, ToolCaller, refused_answer
from airunner.agent.tool_calling.prompt import AUTO, NONE, Prompt, Reply
from airunner.agent.turn_request import TurnRequest
from airunner.engines.base import ChatRequest
from airunner.errors import AiRunnerError, CatalogError, GenerationError, WorkerDiedError
from airunner.events import (
    Event,
    ExternalCallMade,
    GenerationFinished,
    HistoryTrimmed,
    TextStreamed,
    TurnFinished,
    TurnStarted,
)
from airunner.messages import Delta, MediaKind, Message, ToolCall, joined_contents
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.tools.call_tool import meant

PRIMARY = ModelCapability.PRIMARY_CONVERSATION

_RESERVED_SHARE = 4
_LEAST_RESULT_TOKENS = 128
# For a tool called before the first generation, when the context is not known yet.
_FIRST_RESULT_TOKENS = 1024
_MOST_REFUSALS = 2
NO_ANSWER = "(There is no answer: the turn ended before one.)"
"""What the model is taken to have said where it said nothing."""


class Turn:
    """One turn in progress. Used once. ``error`` is what made it fail."""

    def __init__(
        self,
        conversation: Conversation,
        request: TurnRequest,
        *,
        team: Team,
        tools: OfferedTools,
        caller: Callable[[str], ToolCaller],
        emit: Callable[[Event], None],
        max_steps: int,
        answer_tokens: int,
    ) -> None:
        self.id = f"turn_{uuid.uuid4().hex[:12]}"
        self._conversation, self._request = conversation, request
        self._team, self._tools, self._emit = team, tools, emit
        self._max_steps = max_steps
        self._answer_tokens = request.max_tokens or answer_tokens
        self.error: AiRunnerError | None = None
        self._caller = caller(self.id)
        self._started = time.perf_counter()
        self._steps = 0
        self._is_cut = False
        self._streamed = self._thought = self._quote = ""
        self._retelling = Retelling()
        self._told = ToldCalls(self.id, self._caller)
        self._begun: ToolCall | None = None
        self._result_tokens = _FIRST_RESULT_TOKENS
        self._expect: Expect
        self._takes: frozenset[MediaKind] = frozenset()

    async def run(self) -> None:
        """Run to the end; failures of models become the outcome ``failed``.

        Raises:
            asyncio.CancelledError: the turn was cancelled, and has said so.
        """
        answer_open_calls(self._conversation.messages)
        if self._request.content is not None:
            self._conversation.messages.append(Message("user", self._request.content))
        self._emit(
            TurnStarted(turn=self.id, conversation=self._conversation.id, model=self._model())
        )
        try:
            with self._team.expecting(owner=self.id) as self._expect:
                outcome, text = await self._answer()
        except asyncio.CancelledError:
            self._finish("cancelled", self._settle())
            raise
        except AiRunnerError as error:
            self.error = error
            self._finish("failed", self._settle(), problem=str(error))
        except Exception as error:
            self._finish("failed", self._settle(), problem=f"{type(error).__name__}: {error}")
            raise
        else:
            self._finish(outcome, text)

    async def _answer(self) -> tuple[str, str]:
        if any(message.media for message in self._conversation.messages):
            support = await self._team.media_support(PRIMARY, self._request.model)
            support.check(self._request.content or "")
            self._takes = support.takes
        again: str | None = None
        choice = self._request.tool_choice
        refusals = 0
        while True:
            may_call = self._steps < self._max_steps
            tool_calling = self._tools.tool_calling(self._spec().tool_calling)
            step = tool_calling.next_step(
                self._conversation.messages, may_call=may_call, again=again, choice=choice
            )
            self._is_cut = False
            if quote := self._begin_with(step):
                self._emit(TextStreamed(turn=self.id, text=quote))
            reply = self._ready(step) if isinstance(step, Reply) else await self._reply(step)
            self._steps += 1
            choice = NONE if choice == NONE else AUTO
            calls = self._record(reply)
            if not calls:
                return ("answered" if may_call else "step_limit"), quote + reply.text
            if may_call and choice != NONE:
                theirs = list(filter(None, map(self._caller.handed_over, calls)))
                handed = {call.id for call in theirs}
                ours = [call for call in calls if call.id not in handed]
                again = await self._call_tools(ours, is_last=not theirs)
                if theirs:
                    self._hand_over(theirs)
                    return "tool_calls", reply.text
                continue
            self._conversation.messages += map(refused_answer, calls)
            refusals += 1
            if refusals > _MOST_REFUSALS:
                self._conversation.messages.append(Message("assistant", NO_ANSWER))
                return "step_limit", reply.text

    def _ready(self, reply: Reply) -> Reply:
        """A reply that nobody had to generate; its text is seen like any other."""
        self._stream(Delta(text=reply.text))
        return reply

    async def _reply(self, prompt: Prompt) -> Reply:
        """Run ``prompt``; a call that does not match its schema is decoded once more, under it.

        Only where the call is all of the reply: what was said beside it stands in the
        engine's cache, and a wrong call then goes back to the model like any other.
        """
        reply = await self._generate(prompt)
        for call in reply.calls:
            if call.id in self._told.ids and not self._caller.is_valid(call):
                problem = f"its call of {call.name} does not match the tool's schema"
                raise GenerationError(self._model(), problem)
        if reply.text or len(reply.calls) != 1 or prompt.retry is None:
            return reply
        (call,) = reply.calls
        retry = None if self._caller.is_valid(call) else prompt.retry(call)
        anew = await self._generate(retry) if retry is not None else reply
        return anew if anew.calls else reply

    async def _generate(self, prompt: Prompt) -> Reply:
        """Run ``prompt``; once more if its worker dies.

        Without a seed only if the user saw nothing of it: it would be another text.
        """
        self._retelling = Retelling()
        try:
            return await self._generate_once(prompt)
        except WorkerDiedError:
            if self._told.ids or (self._retelling.has_begun and self._request.seed is None):
                raise
            self._retelling.begin_again()
            return await self._generate_once(prompt)

    async def _generate_once(self, prompt: Prompt) -> Reply:
        asked_s = time.perf_counter()
        model = self._request.model
        async with self._team.lease(PRIMARY, owner=self.id, model=model) as lease:
            messages = self._conversation.messages
            fitted, request = await self._request_for(prompt, lease)
            self._told = await told_calls(self.id, lease, prompt, self._caller, messages)

            def on_delta(delta: Delta) -> None:
                self._foresee(delta.tool_name)
                if prompt.visible:
                    self._stream(self._retelling.new(lease.spec.model_path, delta))
                if (piece := self._told.feed(delta)) is not None:
                    self._emit(piece)

            self._foresee(prompt.tool)
            self._begun = prompt.begun
            done = await run_generation(lease, request, since_s=asked_s, on_delta=on_delta)
            name, n_ctx = lease.spec.model_path, lease.n_ctx
        self._emit(
            GenerationFinished(
                turn=self.id,
                model=name,
                conversation=self._conversation.id,
                prompt_tokens=done.usage.prompt_tokens,
                cached_tokens=done.usage.cached_tokens,
                completion_tokens=done.usage.completion_tokens,
                ttft_s=done.ttft_s,
                total_s=done.total_s,
                finish_reason=done.finish_reason,
                prompt_s=done.usage.prompt_s,
                decode_s=done.usage.decode_s,
            )
        )
        self._is_cut = done.finish_reason == "length"
        if tokens := done.usage.prompt_tokens:
            counted = CountedPrompt(name, fitted.messages, prompt.tools, tokens)
            self._conversation.counted = counted
        used = (done.usage.prompt_tokens or fitted.tokens) + done.usage.completion_tokens
        self._result_tokens = max(
            _LEAST_RESULT_TOKENS, min(n_ctx // 2, n_ctx - used - self._reserve(n_ctx))
        )
        return prompt.read(Reply(done.text, tuple(done.calls), done.reasoning))

    async def _request_for(self, prompt: Prompt, lease: Lease) -> tuple[Fitted, ChatRequest]:
        wanted = prompt.max_tokens or self._answer_tokens
        fitted = await fit(
            self._conversation,
            render=prompt.render,
            tools=prompt.tools,
            count=lease.count_tokens,
            n_ctx=lease.n_ctx,
            reserve=min(wanted, self._reserve(lease.n_ctx)),
            model=lease.spec.model_path,
            most_ctx=lease.spec.longest_context,
            takes=self._takes,
        )
        if fitted.dropped or fitted.shortened or fitted.left_out:
            self._emit(
                HistoryTrimmed(
                    turn=self.id,
                    dropped_messages=fitted.dropped,
                    n_ctx=lease.n_ctx,
                    left_out_media=fitted.left_out,
                    shortened_messages=fitted.shortened,
                )
            )
        sampling = self._request.sampling
        # ``tokens`` may be an upper bound, which would end a call before its schema does; the
        # engine itself ends what reaches the context's end.
        room = lease.n_ctx - fitted.tokens
        return fitted, ChatRequest(
            messages=fitted.messages,
            max_tokens=wanted if prompt.max_tokens else min(wanted, room),
            temperature=0.0 if prompt.greedy else sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            repeat_penalty=None if prompt.greedy else sampling.repeat_penalty,
            seed=self._request.seed,
            stop=self._request.stop if prompt.visible else (),
            tools=prompt.tools,
            tool_choice=prompt.tool_choice,
            json_schema=prompt.json_schema,
            # Thoughts would use up the tokens of guided arguments. A switch in the prompt of
            # a native model stays as it is: some templates write it at the top.
            thinking=self._request.thinking if prompt.visible or prompt.tools else False,
            conversation=self._conversation.id,
        )

    def _hand_over(self, calls: Sequence[ToolCall]) -> None:
        for call in calls:
            self._emit(
                ExternalCallMade(
                    turn=self.id, call=call.id, tool=call.name, arguments=dict(call.arguments)
                )
            )

    async def _call_tools(self, calls: Sequence[ToolCall], *, is_last: bool) -> str | None:
        """Run the calls in order; the name of one that may be tried again, if any.

        ``is_last`` says that no call of the same step is run elsewhere.
        """
        again: str | None = None
        # Where context is short, an even share is still better than the first taking all.
        share = max(_LEAST_RESULT_TOKENS, self._result_tokens // max(1, len(calls)))
        for call in calls:
            self._foresee(meant(call).name)
        for call in calls:
            outcome = await self._caller.run(call, share)
            message = outcome.message
            if is_last and call is calls[-1] and self._steps == self._max_steps:
                # Said here, where it stays: what is only in one prompt costs the next its cache.
                content = joined_contents(message.content, ANSWER_NOW)
                message = replace(message, content=content)
            self._conversation.messages.append(message)
            if outcome.again:
                again = meant(call).name
        return again

    def _begin_with(self, step: Prompt | Reply) -> str:
        """What stands in front of the step's text, for people alone."""
        self._quote = step.quote if isinstance(step, Prompt) else ""
        return self._quote

    def so_far(self) -> list[Message]:
        """The conversation as a break would leave it now, which is whole.

        Each user message has an answer, if only one that says there is none: two in a row
        would have to be merged, which changes what was sent already.
        """
        messages = list(self._conversation.messages)
        if self._begun is not None:
            messages.append(self._message(Reply(calls=(self._begun,), reasoning=self._thought)))
        answer_open_calls(messages)
        if self._streamed or messages[-1].role != "assistant":
            thought = "" if self._begun else self._thought
            answer = Message("assistant", self._streamed or NO_ANSWER, reasoning=thought)
            messages.append(self._quoting(answer))
        return messages

    def _settle(self) -> str:
        """Leave the conversation as it is ``so_far``; returns what had come of the answer."""
        self._conversation.messages[:] = self.so_far()
        partial, self._streamed, self._thought, self._begun = self._streamed, "", "", None
        return self._quote + partial if partial else ""

    def _record(self, reply: Reply) -> tuple[ToolCall, ...]:
        """Add the reply to the conversation; its calls."""
        message = self._message(reply)
        self._conversation.messages.append(message)
        self._streamed, self._thought, self._begun = "", "", None
        return message.tool_calls

    def _message(self, reply: Reply) -> Message:
        """The reply as a message."""
        calls = with_own_ids(reply.calls, self._conversation.messages)
        text = reply.text if reply.text or calls else NO_ANSWER
        return self._quoting(Message("assistant", text, calls, reasoning=reply.reasoning))

    def _quoting(self, answer: Message) -> Message:
        """An answer behind its quote, of which models are sent the answer alone.

        Where there is none, the quote says enough for people.
        """
        if not self._quote:
            return answer
        is_silent = answer.text.strip() in ("", NO_ANSWER)
        shown = self._quote.rstrip("\n") if is_silent else f"{self._quote}{answer.text}"
        return replace(answer, content=shown, sent=answer.content)

    def _foresee(self, tool: str) -> None:
        """Tell the team what a call of ``tool`` needs, most often before it is decoded."""
        if uses := self._caller.uses(tool):
            self._expect(uses)

    def _stream(self, delta: Delta) -> None:
        for text, reasoning in ((delta.reasoning, True), (delta.text, False)):
            if text:
                self._emit(TextStreamed(turn=self.id, text=text, reasoning=reasoning))
        self._streamed += delta.text
        self._thought += delta.reasoning

    def _finish(self, outcome: str, text: str, problem: str = "") -> None:
        self._emit(
            TurnFinished(
                turn=self.id,
                outcome=outcome,
                text=text,
                steps=self._steps,
                total_s=time.perf_counter() - self._started,
                problem=problem,
                cut_off=self._is_cut and outcome in ("answered", "step_limit"),
            )
        )

    def _reserve(self, n_ctx: int) -> int:
        return min(self._answer_tokens, n_ctx // _RESERVED_SHARE)

    def _spec(self) -> ModelSpec:
        return self._team.resolve(PRIMARY, self._request.model)

    def _model(self) -> str:
        try:
            return self._spec().model_path
        except CatalogError:
            # The first generation meets the same problem and reports it.
            return ""
