"""The built-in tools, with a specialist that is scripted: prompts, long texts, fallbacks."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import pytest

from airunner.errors import GenerationError, ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.toolbox.code.code_tools import generate_code
from airunner.toolbox.text.text_tools import PASSAGE_TOKENS, summarize_text, translate_text
from airunner.tools.passages import estimated_tokens


class Specialist:
    """Answers with the number of the prompt; ``fails_at`` is the first that it cannot answer."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.prompts: list[tuple[ModelCapability, str]] = []
        self.reports: list[str] = []
        self.loads = self.closes = 0
        self.cancelled = False
        self._fails_at = fails_at
        self._capability = ModelCapability.SUMMARIZATION

    def use_specialized_model(
        self, capability: ModelCapability, prompt: str, max_tokens: int = 512
    ) -> str | None:
        self.prompts.append((capability, prompt))
        failed = self._fails_at is not None and len(self.prompts) >= self._fails_at
        return None if failed else f"Answer {len(self.prompts)}."

    def load_specialized_model(
        self, capability: ModelCapability, return_to_primary: bool = True
    ) -> Specialist:
        self.loads += 1
        self._capability = capability
        return self

    def invoke(self, prompt: str, *, max_tokens: int | None = None, remember: bool = True) -> str:
        assert not remember
        answer = self.use_specialized_model(self._capability, prompt)
        if answer is None:
            raise GenerationError("scripted", "no")
        return answer

    def close(self) -> None:
        self.closes += 1

    def report(self, text: str) -> None:
        self.reports.append(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


PARAGRAPH = "The river rose. The town was warned. Nobody was hurt. "
LONG = "\n\n".join(PARAGRAPH * 20 for _ in range(12))


def test_a_short_text_is_one_prompt() -> None:
    api = Specialist()
    assert summarize_text(PARAGRAPH, 2, api=api) == "Answer 1."
    ((capability, prompt),) = api.prompts
    assert capability is ModelCapability.SUMMARIZATION
    assert "at most 2 sentences" in prompt
    assert PARAGRAPH.strip() in prompt
    assert api.loads == 0


def test_a_long_text_is_summarised_in_parts_during_one_stay_of_the_model() -> None:
    api = Specialist()
    parts = -(-estimated_tokens(LONG) // PASSAGE_TOKENS)
    answer = summarize_text(LONG, 3, api=api)
    assert len(api.prompts) >= parts + 1
    assert answer == f"Answer {len(api.prompts)}."
    assert (api.loads, api.closes) == (1, 1)
    assert all(estimated_tokens(prompt) < 1.1 * PASSAGE_TOKENS for _, prompt in api.prompts)
    assert "Answer 1." in api.prompts[-1][1]
    assert api.reports[0].startswith("part 1 of ")


def test_a_translation_keeps_all_parts_in_order() -> None:
    api = Specialist()
    answer = translate_text(LONG, "Dutch", api=api)
    assert answer == "\n\n".join(f"Answer {n + 1}." for n in range(len(api.prompts)))
    assert "into Dutch" in api.prompts[0][1]


def test_without_the_specialist_nothing_is_passed_off_as_its_work() -> None:
    for api in (None, Specialist(fails_at=1)):
        with pytest.raises(ToolFailedError, match="was not put into French"):
            translate_text("hello", "French", api=api)
        with pytest.raises(ToolFailedError, match="no code was written"):
            generate_code("sort a list", api=api)
        with pytest.raises(ToolFailedError, match="read the text and summarize it") as caught:
            summarize_text("One. Two. Three. Four.", 2, api=api)
        assert caught.value.tool == "summarize_text"
    shortened = summarize_text(LONG, 2, api=Specialist(fails_at=3))
    assert "Only 2 of 4 parts of the text are in this summary" in shortened
    with pytest.raises(ToolFailedError):
        translate_text(LONG, "French", api=Specialist(fails_at=4))


def test_code_is_asked_for_in_its_language() -> None:
    api = Specialist()
    assert generate_code("sort a list", "Rust", api=api) == "Answer 1."
    ((capability, prompt),) = api.prompts
    assert capability is ModelCapability.CODE_GENERATION
    assert "Write Rust code" in prompt


def test_a_cancelled_call_stops_between_parts() -> None:
    api = Specialist()
    api.cancelled = True
    with pytest.raises(ToolFailedError):
        summarize_text(LONG, 2, api=api)
    assert api.prompts == []


def test_empty_text_is_sent_back() -> None:
    with pytest.raises(ToolRetryError, match="empty"):
        summarize_text("  ", api=Specialist())
