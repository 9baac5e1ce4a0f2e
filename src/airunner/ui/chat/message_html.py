"""What has been said, as HTML: a question, the answer to it with its calls, and their buttons.

Owns the form of a saved conversation. What the buttons do is the page's: each says its
action and its place in ``data-act`` and ``data-at``.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airunner.agent.turn import NO_ANSWER
from airunner.durations import format_seconds
from airunner.messages import MediaPart, Message, TextPart, parts_of
from airunner.models.spec import short_name
from airunner.pictures import PicturesFolder
from airunner.records.attached_text import ATTACHED, taken_apart
from airunner.records.unfinished import NOT_ANSWERED, WAS_CUT_OFF
from airunner.server.native.turn_account import CallAccount, TurnAccount
from airunner.tools.call_tool import meant
from airunner.ui.chat.call_html import Call, call_html, drawn_pictures
from airunner.ui.chat.icons import act_button, icon_html
from airunner.ui.page_words import page_html
from airunner.ui.safe_markdown import rendered

_ENDINGS = {
    "cancelled": "You stopped this answer.",
    "step_limit": "The most steps were used up before there was an answer.",
    "failed": "The answer failed.",
    "server_stopped": "The server was stopped before this answer was complete.",
    "": "The answer breaks off here: the server ended before the rest of it was saved.",
}
_TO_GO_ON = ("server_stopped", "")
_FILE_CHARACTERS = 4000
_THOUGHT = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)


@dataclass(frozen=True)
class Talk:
    """A conversation to show, with how its turns went and the other ways it went on."""

    id: str
    messages: Sequence[Message]
    pictures: PicturesFolder
    accounts: Mapping[int, TurnAccount] = field(default_factory=dict)
    versions: Mapping[int, Sequence[str]] = field(default_factory=dict)

    def exchanges(self) -> Iterator[tuple[int, int]]:
        """The places of each question and of what comes after its answer."""
        places = [at for at, message in enumerate(self.messages) if message.role == "user"]
        ends = [*places, len(self.messages)][1:]
        yield from zip(places, ends, strict=True)


Made = list[tuple[Any, list[str]]]
"""The pieces of each exchange, with all that they were made of."""


def talk_html(talk: Talk, made: Made | None = None) -> list[str]:
    """The pieces of a conversation: questions and answers in turn.

    ``made`` is what this left there before: only what is not as it was is made anew.
    """
    made = [] if made is None else made
    exchanges = list(talk.exchanges())
    del made[len(exchanges) :]
    for number, (place, end) in enumerate(exchanges):
        said = talk.messages[place:end]
        ways = [talk.versions.get(at) for at in range(place, end + 1)]
        of = (place, said, talk.accounts.get(place), talk.id, ways, end == len(talk.messages))
        known = made[number : number + 1]
        if known and known[0][0] == of:
            pieces = known[0][1]
        else:
            results = {m.tool_call_id: m for m in said if m.tool_call_id}
            pieces = [question_html(talk, place), _answer_html(talk, place, end, results)]
        made[number : number + 1] = [(of, pieces)]
    return [piece for _, pieces in made for piece in pieces]


def question_html(talk: Talk, place: int) -> str:
    """What the user said, with its buttons."""
    acts = (
        _versions_html(talk, place, place + 1)
        + act_button("copy", "Copy", "content_copy", at=place)
        + act_button("edit", "Edit and ask again", "edit", at=place)
    )
    said = said_html(talk.messages[place], talk.id)
    return f'<div class="said user">{said}<div class="acts">{acts}</div></div>'


def said_html(message: Message, conversation: str) -> str:
    """The words, pictures and files of a question."""
    parts = []
    for part in parts_of(message.content):
        if isinstance(part, TextPart):
            parts.append(_text_html(part.text))
        elif isinstance(part, MediaPart) and part.kind == "image":
            source = f"/api/v1/conversations/{html.escape(conversation)}/files/{part.sha256}"
            parts.append(
                f'<a href="{source}" target="_blank" rel="noopener"><img class="given"'
                f' src="{source}" alt="a picture you gave" loading="lazy"></a>'
            )
        else:
            parts.append(f'<div class="file">{icon_html("mic")}A recording</div>')
    return "".join(parts)


def _text_html(text: str) -> str:
    files, words = taken_apart(text)
    shown = []
    for name, size, inside in files:
        told = html.escape(size or f"{len(inside):,} characters")  # once, it was not said
        cut = html.escape(inside[:_FILE_CHARACTERS]) + "…" * (len(inside) > _FILE_CHARACTERS)
        shown.append(
            f'<details class="file"><summary>{icon_html("description")}'
            f'<span class="name" title="{html.escape(name)}">'
            f"{html.escape(name.removeprefix(ATTACHED))}</span>"
            f'<span class="size">{told}</span></summary>'
            f'<pre tabindex="0" aria-label="text of the file">{cut}</pre></details>'
        )
    if words:
        shown.append(f'<div class="text">{html.escape(words)}</div>')
    return "".join(shown)


def _answer_html(talk: Talk, place: int, end: int, results: Mapping[str, Message]) -> str:
    account = talk.accounts.get(place)
    thoughts = iter(account.thought_s if account else ())
    parts = []
    for message in talk.messages[place + 1 : end]:
        if message.role != "assistant":
            continue
        thought, text = _thought_apart(message)
        if thought:
            parts.append(reasoning_html(thought, next(thoughts, None)))
        if text != NO_ANSWER:
            parts.append(rendered(text))
        for call in message.tool_calls:
            calls = account.calls if account else {}
            parts.append(_call_html(talk, calls.get(call.id), results.get(call.id), call.id, place))
    if account is not None and account.left_out:
        words = account.left_out[:1].upper() + account.left_out[1:]
        parts.append(f'<p class="left-out">{html.escape(words)}.</p>')
    parts.append(_ending_html(talk, account, place, end))
    parts.append(_acts_html(talk, account, place, end))
    return f'<div class="said assistant">{"".join(parts)}</div>'


def _thought_apart(message: Message) -> tuple[str, str]:
    """What was thought, and said: in old messages and imported ones, both may be in the text."""
    found = None if message.reasoning else _THOUGHT.match(message.text)
    if found is None:
        return message.reasoning, message.text
    return found[1].strip(), message.text[found.end() :]


def _call_html(
    talk: Talk, account: CallAccount | None, answer: Message | None, id: str, place: int
) -> str:
    here = itertools.islice(talk.messages, place, None)
    call = meant(next(c for m in here for c in m.tool_calls if c.id == id))
    result = answer.text if answer else ""
    shown = Call(call.name, call.arguments, result)
    if account is None:
        shown.pictures = drawn_pictures(result, talk.pictures)
    else:
        shown.seconds, shown.problem = account.seconds, account.problem
        shown.models, shown.pictures = account.models, account.pictures
    return call_html(shown)


def reasoning_html(text: str, seconds: float | None) -> str:
    """What the model thought, folded."""
    words = thought_in_words(seconds)
    return f'<details class="thought"><summary>{words}</summary>{rendered(text)}</details>'


def thought_in_words(seconds: float | None) -> str:
    """How long it thought."""
    if seconds is None:
        return "Thought"
    return f"Thought for {format_seconds(max(1, round(seconds)))}"


def ending_in_words(account: TurnAccount, *, failed: bool, stopped: bool) -> str:
    """How a turn ended, for who hears it; ``failed`` and ``stopped`` say how its work did."""
    outcome = "failed" if failed else account.outcome or ("cancelled" if stopped else "failed")
    if outcome in _ENDINGS:
        return _ENDINGS[outcome]
    return WAS_CUT_OFF if account.cut_off else "The answer is complete"


def _ending_html(talk: Talk, account: TurnAccount | None, place: int, end: int) -> str:
    """What is to be said where an answer did not end well, with what can be done."""
    outcome = account.outcome if account else "" if end == place + 1 else "answered"
    again = act_button("again", "Try again", at=place)
    go_on = act_button("continue", "Continue", at=place) if end == len(talk.messages) else ""
    if outcome in _ENDINGS:
        newest = talk.messages[end - 1]
        has_words = newest.role == "assistant" and newest.text != NO_ANSWER
        buttons = go_on + again if outcome in _TO_GO_ON and has_words else again
        is_bare = not outcome and end == place + 1
        words = NOT_ANSWERED if is_bare else _ENDINGS[outcome]
        return _problem_html(words, account.problem if account else "", buttons)
    return _problem_html(WAS_CUT_OFF, "", go_on) if account and account.cut_off else ""


def _problem_html(words: str, problem: str, buttons: str) -> str:
    told = f"<p>{page_html(problem)}</p>" if problem else ""
    return f'<div class="ended"><p>{html.escape(words)}</p>{told}{buttons}</div>'


def _acts_html(talk: Talk, account: TurnAccount | None, place: int, end: int) -> str:
    if end == place + 1:
        return f'<div class="acts">{_versions_html(talk, place + 1, end + 1)}</div>'
    parts = [
        _versions_html(talk, place + 1, end),
        act_button("copy", "Copy", "content_copy", at=place, answer=1),
        act_button("again", "Try again", "refresh", at=place),
    ]
    if account is not None and account.total_s:
        parts.append(f'<span class="cost">{html.escape(cost_in_words(account))}</span>')
    return f'<div class="acts">{"".join(parts)}</div>'


def cost_in_words(account: TurnAccount) -> str:
    """Who answered, how fast, and how much of the prompt was still there."""
    parts = [short_name(account.model)] if account.model else []
    parts.append(format_seconds(account.total_s))
    if account.decode_s > 0 and account.tokens:
        parts.append(f"{account.tokens / account.decode_s:.0f} tokens/s")
    if account.cached_tokens and account.prompt_tokens:
        parts.append(f"{100 * account.cached_tokens // account.prompt_tokens} % from the cache")
    return " · ".join(parts)


def _versions_html(talk: Talk, first: int, end: int) -> str:
    """The arrows between the ways in which the conversation went on from here."""
    shown = []
    for place in range(first, end):
        ways = talk.versions.get(place, ())
        if len(ways) < 2 or talk.id not in ways:
            continue
        at = list(ways).index(talk.id)
        before, after = ways[at - 1] if at else "", ways[at + 1] if at + 1 < len(ways) else ""
        shown.append(
            '<span class="versions" role="group" aria-label="Versions">'
            + _arrow_html("Previous version", "chevron_left", before)
            + f"<span>{at + 1} / {len(ways)}</span>"
            + _arrow_html("Next version", "chevron_right", after)
            + "</span>"
        )
    return "".join(shown)


def _arrow_html(words: str, icon: str, to: str) -> str:
    if not to:
        return act_button("none", words, icon).replace("<button ", "<button disabled ", 1)
    return act_button("version", words, icon, to=to)
