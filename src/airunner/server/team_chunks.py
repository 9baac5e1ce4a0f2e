"""The chunks that the events of one turn become.

Owns what of a turn a client reads as text, what as reasoning, and what an answer of several
generations has cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from airunner.engines.base import Chunk
from airunner.engines.openai_form import chunk_of
from airunner.events import (
    CallStreamed,
    Event,
    ExternalCallMade,
    GenerationFinished,
    ImageStepped,
    PictureSaved,
    TextStreamed,
    TurnFinished,
    TurnStarted,
)
from airunner.messages import Delta, FinishReason, ToolCall, Usage
from airunner.server.chunks import EXTENSION
from airunner.server.team_steps import Uses, is_step, line_of, picture_link


@dataclass(slots=True)
class TurnChunks:
    """The chunks of one turn. Steps are told between generations, never within a text."""

    uses: Uses
    turn: str = ""
    generating: bool = False
    begun: bool = False
    content: str = ""
    thought: str = ""
    is_apart: bool = True
    calls: int = 0
    told: set[str] = field(default_factory=set)
    costs: list[GenerationFinished] = field(default_factory=list)

    def feed(self, event: Event) -> Iterator[Chunk]:
        """What a client hears of ``event``."""
        match event:
            case TurnStarted():
                self.turn = event.turn
            case TextStreamed():
                self.generating = True
                yield from self._text(event)
            case GenerationFinished():
                self.generating, self.is_apart = False, False
                self.costs.append(event)
            case CallStreamed():
                self.generating = True
                yield from self._call(event)
            case ExternalCallMade() if event.call in self.told:
                pass  # piece by piece
            case ExternalCallMade():
                call = ToolCall(event.call, event.tool, event.arguments)
                yield from self._say(Delta(tool_calls=(call,)))
                self.calls += 1
            case TurnFinished(problem=""):
                last = Delta(finish_reason=self._finish(event), usage=self._usage())
                yield from self._say(last)
            case ImageStepped() | PictureSaved() if event.owner != self.turn:
                pass  # of somebody else
            case _ if is_step(event) and not self.generating:
                yield from self._step(event)

    def _text(self, event: TextStreamed) -> Iterator[Chunk]:
        text = event.text
        if event.reasoning:
            self.thought += text
            yield from self._say(Delta(reasoning=text))
            return
        if not self.is_apart and text.strip():
            text = ("\n\n" if self.content else "") + text.lstrip()
            self.is_apart = True
        self.content += text
        yield from self._say(Delta(text=text))

    def _call(self, event: CallStreamed) -> Iterator[Chunk]:
        if event.call in self.told:
            index, delta = self.calls - 1, Delta(tool_arguments=event.arguments)
        else:
            self.told.add(event.call)
            index, self.calls = self.calls, self.calls + 1
            name, id = event.tool, event.call
            delta = Delta(tool_name=name, tool_id=id, tool_arguments=event.arguments)
        yield from self._say(delta, at=index)

    def _step(self, event: Event) -> Iterator[Chunk]:
        line = line_of(event, self.uses)
        before = "\n" if self.thought and not self.thought.endswith("\n") else ""
        thought = "" if line is None else f"{before}{line}\n"
        self.thought += thought
        yield from self._say(Delta(reasoning=thought), event)
        if isinstance(event, PictureSaved):
            link = picture_link(event)
            before = "\n\n" if self.content else ""
            self.content, self.is_apart = f"{self.content}{before}{link}", False
            yield from self._say(Delta(text=before + link))

    def _say(
        self, delta: Delta, event: Event | None = None, at: int | None = None
    ) -> Iterator[Chunk]:
        chunk = chunk_of(delta, self.calls if at is None else at)
        if not self.begun:
            self.begun = True
            chunk["choices"][0]["delta"] = {"role": "assistant", **chunk["choices"][0]["delta"]}
        if event is not None:
            chunk[EXTENSION] = event.as_json()
        yield chunk

    def _finish(self, event: TurnFinished) -> FinishReason:
        if event.outcome == "tool_calls":
            return "tool_calls"
        return "length" if event.cut_off else "stop"

    def _usage(self) -> Usage:
        """The last prompt, of which only what the turn had to compute was not cached.

        That is how full the context is; the sum over its prompts would count all that they
        share as often as there were generations.
        """
        prompt = self.costs[-1].prompt_tokens if self.costs else 0
        computed = sum(each.prompt_tokens - each.cached_tokens for each in self.costs)
        return Usage(
            prompt_tokens=prompt,
            cached_tokens=max(0, prompt - computed),
            completion_tokens=sum(each.completion_tokens for each in self.costs),
            prompt_s=sum(each.prompt_s for each in self.costs),
            decode_s=sum(each.decode_s for each in self.costs),
        )
