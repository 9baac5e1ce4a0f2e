"""Events in words: one short line about what happened to models and memory.

Works on events as JSON values, because ``airunner explain`` reads them from a
log. Knows no console. What is said in a conversation is not told here.
"""

from __future__ import annotations

import string
import time
from collections.abc import Callable, Mapping
from typing import Any

from airunner.cli.safe_text import safe
from airunner.config.byte_size import format_bytes
from airunner.durations import format_seconds
from airunner.errors.pasted import pasted
from airunner.events.trimmed_words import what_was_trimmed
from airunner.models.spec import short_name
from airunner.resources.waiting_words import memory_wait_in_words, wait_in_words

Record = Mapping[str, Any]


def narrate(event: Record) -> str | None:
    """The line for an event, or ``None`` if it is not about models, memory or tools.

    What others have put into it, such as a server's words for a problem, is made harmless.
    """
    tell = _LINES.get(event["kind"])
    line = tell(event) if callable(tell) else tell and _WORDS.vformat(tell, (), event)
    return None if line is None else safe(" ".join(line.splitlines()))


class _Words(string.Formatter):
    """Fills templates; after the colon ``name``, ``bytes`` or ``time`` says what a value is."""

    _FORMS: Mapping[str, Callable[[Any], str]] = {
        "name": short_name,
        "bytes": format_bytes,
        "time": format_seconds,
    }

    def format_field(self, value: Any, form: str) -> str:
        words = self._FORMS.get(form)
        return words(value) if words else str(super().format_field(value, form))


_WORDS = _Words()


def _with_end(template: str, end: str, field: str) -> Callable[[Record], str]:
    """``template``, and behind it ``end`` where ``field`` has a value."""
    return lambda e: _WORDS.vformat(template + (end if e[field] else ""), (), e)


def _permission_decided(e: Record) -> str | None:
    reasons = {
        "rule": "a rule forbids it",
        "nobody": "nobody is there to allow it, as there is no terminal to ask on; "
        f"`{pasted('--permissions', e['tool'] + '=allow')}` does",
    }
    return (
        None if e["allowed"] else f"tool {e['tool']} denied: {reasons.get(e['by'], 'you said no')}"
    )


def _tool_call_finished(e: Record) -> str:
    if e["problem"]:
        return f"tool {e['tool']} failed after {format_seconds(e['seconds'])}: {e['problem']}"
    cut = ", its result shortened" if e["truncated"] else ""
    return f"tool {e['tool']} done in {format_seconds(e['seconds'])}{cut}"


def _tool_server_changed(e: Record) -> str:
    ends = {
        "added": "new, to be offered from the next start on",
        "removed": "gone",
        "changed": "changed, to be asked about before they run",
    }
    told = "; ".join(f"{', '.join(e[key])}: {end}" for key, end in ends.items() if e[key])
    return f"the tools of MCP server {e['server']} have changed: {told}"


def _picture_saved(e: Record) -> str:
    seed = e["settings"].get("seed")
    return (
        f"saved {e['path']}: {e['width']}x{e['height']} pixels"
        f"{f', seed {seed}' if seed else ''}, drawn in {format_seconds(e['seconds'])}"
    )


def _download_changed(e: Record) -> str | None:
    return f"download of {short_name(e['model'])} failed: {e['problem']}" if e["problem"] else None


def _history_trimmed(e: Record) -> str:
    counts = e["dropped_messages"], e.get("left_out_media", 0), e.get("shortened_messages", 0)
    return what_was_trimmed(*counts, n_ctx=e["n_ctx"])


def _reminder_due(e: Record) -> str:
    # A log keeps none of the words.
    text = f": {e['text']}" if "text" in e else ""
    return f"reminder for {time.strftime('%a %d %b, %H:%M', time.localtime(e['due_s']))}{text}"


_LINES: Mapping[str, str | Callable[[Record], str | None]] = {
    "fallback_chosen": lambda e: (
        e.get("reason")
        or f"{e['wanted']} is not on this machine: {short_name(e['chosen'])} serves "
        f"{e['capability']} (`{e['advice']}` gets it)"
    ),
    "slot_awaited": lambda e: wait_in_words(short_name(e["model"]), e["ahead"], e["wait_s"]),
    "memory_awaited": memory_wait_in_words,
    "download_changed": _download_changed,
    "model_loaded": _with_end(
        "loaded {model:name} on {device} in {load_s:time}: {predicted_bytes:bytes} predicted, "
        "{measured_bytes:bytes} measured",
        ", context {n_ctx:,}",
        "n_ctx",
    ),
    "model_load_failed": _with_end(
        "{model:name} did not load on {device}: {problem}", "; trying once more", "will_retry"
    ),
    "read_ahead_started": "reading {model:name} ahead: {file_bytes:bytes}",
    "read_ahead_ended": _with_end(
        "read {read_bytes:bytes} of {file_bytes:bytes} of {model:name} ahead in {read_s:time}",
        ", then stopped: {reason}",
        "reason",
    ),
    "model_parked": "parked {model:name}: {tokens:,} tokens, {parked_bytes:bytes} to {tier} "
    "in {park_s:time}",
    "parking_failed": "{model:name} could not be parked: {problem}",
    "model_released": _with_end(
        "released {model:name}: {released_bytes:bytes} came back in {stop_s:time}",
        ", {missing_bytes:bytes} did not",
        "missing_bytes",
    ),
    "model_restored": "restored {model:name}: {tokens:,} tokens in {restore_s:time}",
    "beginning_kept": "kept how conversations with {model:name} begin: {tokens:,} tokens, "
    "{n_bytes:bytes}, in {seconds:time}",
    "beginning_restored": "a new conversation with {model:name} begins with {tokens:,} kept "
    "tokens, restored in {restore_s:time}",
    "cache_proven": "proven: {cached_tokens:,} of {prompt_tokens:,} prompt tokens came from "
    "the restored cache",
    "cache_lost": "the cache of {model:name} did not serve: {cached_tokens:,} of "
    "{restored_tokens:,} tokens re-used; {reason}",
    "worker_died": "the worker of {model:name} died (exit code {exit_code})",
    "specialist_failed": "{capability} could not be used: {problem}",
    "generation_finished": "{model:name}: {cached_tokens:,} of {prompt_tokens:,} prompt tokens "
    "cached, first token after {ttft_s:time}, {completion_tokens:,} tokens in {total_s:time}",
    "tool_call_started": "tool {tool} …",
    "permission_decided": _permission_decided,
    "tool_refused": "{origin}: tool {tool} is not offered: {problem}",
    "tool_server_connected": "MCP server {server} connected in {connect_s:time}: {tools} tools",
    "tool_server_changed": _tool_server_changed,
    "tool_server_failed": "MCP server {server}: {problem}",
    "tool_progressed": "tool {tool}: {text}",
    "tool_call_finished": _tool_call_finished,
    "picture_saved": _picture_saved,
    "picture_deleted": "deleted {path}",
    "history_trimmed": _history_trimmed,
    "conversation_switched": "the next message goes to conversation {to:.8}",
    "reminder_due": _reminder_due,
}
