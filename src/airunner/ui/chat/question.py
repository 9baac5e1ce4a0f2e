"""The question whether a tool may run, with the whole call, where the answer is read.

Owns the card. What an answer means, and what is remembered of it, is the agent's.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from nicegui import ui

from airunner.agent.approvals import Answer
from airunner.events import PermissionAsked
from airunner.ui.buttons import word_button
from airunner.ui.safe_markdown import code_block

_DOES = {
    "read": "It reads.",
    "write": "It changes files or settings.",
    "network": "It uses the network.",
    "execute": "It runs a program.",
}
_ANSWERS: tuple[tuple[str, Answer], ...] = (
    ("Allow once", "yes"),
    ("Always in this chat", "always"),
    ("Not now", "no"),
    ("Never in this chat", "never"),
)


def question_card(event: PermissionAsked, answer: Callable[[str, Answer], object]) -> ui.element:
    """The card; ``answer`` hears the question's id and what was chosen. It takes the focus."""
    card = ui.element("div").classes("question").props('role="group" tabindex="-1"')
    card.props["aria-label"] = f"May {event.tool} run?"
    with card:
        ui.label(f"May {event.tool} run?").classes("asked").props('role="alert"')
        ui.label(_DOES.get(event.permission, f"It needs: {event.permission}.")).classes("does")
        whole = json.dumps(event.arguments, ensure_ascii=False, indent=2)
        ui.html(code_block(whole, "json"), sanitize=False)
        if event.always:
            ui.label(f"“Always” is for {event.always}.").classes("does")
        with ui.element("div").classes("buttons"):
            for words, meaning in _ANSWERS:
                _button(words, meaning, lambda chosen: answer(event.question, chosen))
    ui.run_javascript(
        f"requestAnimationFrame(() => document.getElementById('{card.html_id}')?.focus())"
    )
    return card


def _button(words: str, meaning: Answer, chosen: Callable[[Answer], object]) -> None:
    word_button(words, lambda: chosen(meaning), main=meaning == "yes")
