"""How a turn ended, in words: what a person is told when there is no answer, or not all of it.

Owns the words and what has to be remembered of a turn for them. Knows no console.
"""

from __future__ import annotations

from airunner.cli.safe_text import safe
from airunner.events import (
    Event,
    GenerationFinished,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
    TurnStarted,
)

_AGAIN = "Ask again, or say it in other words."
_INCOMPLETE = "What it had said by then is not the whole answer."


def is_answered(finished: TurnFinished) -> bool:
    """Whether the turn led to an answer: text that the model did not break off."""
    return finished.outcome in ("answered", "step_limit") and bool(finished.text.strip())


class TurnEnding:
    """Follows one turn after the other; ``in_words`` is asked when one has finished."""

    def __init__(self) -> None:
        self._forget()

    def take(self, event: Event) -> None:
        """Remember what the last line may depend on."""
        match event:
            case TurnStarted():
                self._forget()
            case TextStreamed(reasoning=True):
                self._thought = True
            case ToolCallStarted():
                self._thought = False
            case GenerationFinished():
                self._tokens = event.completion_tokens
            case ToolCallFinished(problem=""):
                self._results += 1

    def in_words(self, finished: TurnFinished) -> str | None:
        """What the person has to be told; ``None`` where the answer says it all."""
        has_text = bool(finished.text.strip())
        incomplete = _INCOMPLETE if has_text else ""
        cut_off = self._cut_off() if finished.cut_off else ""
        match finished.outcome:
            case "failed":
                told = [f"error: {safe(finished.problem)}", incomplete]
            case "cancelled":
                told = ["Broken off.", incomplete]
            case "step_limit":
                told = [
                    cut_off if has_text else "No answer: the model only called tools.",
                    f"No tool could be called any more after {finished.steps - 1} steps; "
                    "ask to go on, or allow more with --max-steps.",
                ]
            case _:
                told = [cut_off if has_text else self._silence(finished)]
        if not has_text and self._results:
            told.append("What the tools returned is above.")
        return " ".join(filter(None, told)) or None

    def _cut_off(self) -> str:
        return (
            f"The answer was cut off after {self._tokens:,} tokens; "
            "ask to go on, or allow more with --max-tokens."
        )

    def _silence(self, finished: TurnFinished) -> str:
        if self._thought and finished.cut_off:
            return (
                f"No answer: the model was still thinking after {self._tokens:,} tokens, "
                "the most it may use; allow more with --max-tokens."
            )
        said = "thought, but said nothing" if self._thought else "said nothing"
        return f"No answer: the model {said}. {_AGAIN}"

    def _forget(self) -> None:
        self._thought = False
        self._tokens = self._results = 0
