"""Tools through the model's own chat template: the engine renders them and parses the calls.

The same tools in the same order go into every prompt of a conversation, also
where none may be called any more, because a template puts them at the top and
anything else would throw the whole KV cache away.
"""

from __future__ import annotations

from collections.abc import Sequence

from airunner.agent.dialect import Prompt, Reply, joined, with_last_user_text
from airunner.messages import Message
from airunner.tools.toolset import Toolset

_ANSWER_NOW = "Answer now with what you know. No further tool can be called."


class NativeDialect:
    """Every tool is shown; the model calls as many as it likes."""

    def __init__(self, toolset: Toolset) -> None:
        self._schemas = toolset.schemas

    def next_step(
        self, messages: Sequence[Message], *, may_call: bool, again: str | None
    ) -> Prompt | Reply:
        """One generation, which may end in text, in calls, or in both."""
        if may_call:
            return Prompt(render=joined, read=_as_generated, tools=self._schemas)
        return Prompt(
            render=lambda shown: with_last_user_text(shown, _ANSWER_NOW),
            read=_text_only,
            tools=self._schemas,
            tool_choice="none",
        )


def _as_generated(reply: Reply) -> Reply:
    return reply


def _text_only(reply: Reply) -> Reply:
    # tool_choice "none" is not enforced by every engine build, so it is here.
    return Reply(text=reply.text)
