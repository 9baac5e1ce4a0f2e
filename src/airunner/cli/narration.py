"""Events in words: one short line about what happened to models and memory.

Works on events as JSON values, because ``airunner explain`` reads them from a
log. Knows no console. What is said in a conversation is not told here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from airunner.cli.safe_text import safe
from airunner.config.byte_size import format_bytes
from airunner.models.spec import short_name

Record = Mapping[str, Any]


def narrate(event: Record) -> str | None:
    """The line for an event, or ``None`` if it is not about models, memory or tools.

    What others have put into it, such as a server's words for a problem, is made harmless.
    """
    tell = _LINES.get(event["kind"])
    line = tell(event) if tell else None
    return None if line is None else safe(" ".join(line.splitlines()))


def seconds(value: float) -> str:
    """A duration for people: ``38 ms``, ``0.55 s``, ``12.0 s``."""
    if value < 0.1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def _fallback_chosen(e: Record) -> str:
    return (
        f"{e['wanted']} is not on this machine: {short_name(e['chosen'])} serves "
        f"{e['capability']} (`{e['advice']}` gets it)"
    )


def _memory_awaited(e: Record) -> str:
    which = f" (pid {e['holder']})" if e["holder"] else ""
    return f"another AI Runner process{which} holds the memory; waiting"


def _model_loaded(e: Record) -> str:
    context = "" if e["n_ctx"] is None else f", context {e['n_ctx']:,}"
    return (
        f"loaded {short_name(e['model'])} on {e['device']} in {seconds(e['load_s'])}: "
        f"{format_bytes(e['predicted_bytes'])} predicted, "
        f"{format_bytes(e['measured_bytes'])} measured{context}"
    )


def _read_ahead_started(e: Record) -> str:
    return f"reading {short_name(e['model'])} ahead: {format_bytes(e['file_bytes'])}"


def _read_ahead_ended(e: Record) -> str:
    cut = f", then stopped: {e['reason']}" if e["reason"] else ""
    return (
        f"read {format_bytes(e['read_bytes'])} of {format_bytes(e['file_bytes'])} of "
        f"{short_name(e['model'])} ahead in {seconds(e['read_s'])}{cut}"
    )


def _model_load_failed(e: Record) -> str:
    then = "; trying once more" if e["will_retry"] else ""
    return f"{short_name(e['model'])} did not load on {e['device']}: {e['problem']}{then}"


def _model_parked(e: Record) -> str:
    return (
        f"parked {short_name(e['model'])}: {e['tokens']:,} tokens, "
        f"{format_bytes(e['parked_bytes'])} to {e['tier']} in {seconds(e['park_s'])}"
    )


def _parking_failed(e: Record) -> str:
    return f"{short_name(e['model'])} could not be parked: {e['problem']}"


def _model_released(e: Record) -> str:
    line = (
        f"released {short_name(e['model'])}: {format_bytes(e['released_bytes'])} came back "
        f"in {seconds(e['stop_s'])}"
    )
    return line + (f", {format_bytes(e['missing_bytes'])} did not" if e["missing_bytes"] else "")


def _model_restored(e: Record) -> str:
    return f"restored {short_name(e['model'])}: {e['tokens']:,} tokens in {seconds(e['restore_s'])}"


def _beginning_kept(e: Record) -> str:
    return (
        f"kept how conversations with {short_name(e['model'])} begin: {e['tokens']:,} tokens, "
        f"{format_bytes(e['n_bytes'])}, in {seconds(e['seconds'])}"
    )


def _beginning_restored(e: Record) -> str:
    return (
        f"a new conversation with {short_name(e['model'])} begins with {e['tokens']:,} kept "
        f"tokens, restored in {seconds(e['restore_s'])}"
    )


def _cache_proven(e: Record) -> str:
    return (
        f"proven: {e['cached_tokens']:,} of {e['prompt_tokens']:,} prompt tokens came from "
        f"the restored cache"
    )


def _cache_lost(e: Record) -> str:
    return (
        f"the cache of {short_name(e['model'])} did not serve: {e['cached_tokens']:,} of "
        f"{e['restored_tokens']:,} tokens re-used; {e['reason']}"
    )


def _worker_died(e: Record) -> str:
    return f"the worker of {short_name(e['model'])} died (exit code {e['exit_code']})"


def _specialist_failed(e: Record) -> str:
    return f"{e['capability']} could not be used: {e['problem']}"


def _generation_finished(e: Record) -> str:
    return (
        f"{short_name(e['model'])}: {e['cached_tokens']:,} of {e['prompt_tokens']:,} prompt "
        f"tokens cached, first token after {seconds(e['ttft_s'])}, "
        f"{e['completion_tokens']:,} tokens in {seconds(e['total_s'])}"
    )


def _tool_call_started(e: Record) -> str:
    return f"tool {e['tool']} …"


def _permission_decided(e: Record) -> str | None:
    reasons = {
        "rule": "a rule forbids it",
        "nobody": "nobody is there to allow it, as there is no terminal to ask on; "
        f"`--permissions {e['tool']}=allow` does",
    }
    return (
        None if e["allowed"] else f"tool {e['tool']} denied: {reasons.get(e['by'], 'you said no')}"
    )


def _tool_refused(e: Record) -> str:
    return f"{e['origin']}: tool {e['tool']} is not offered: {e['problem']}"


def _tool_server_connected(e: Record) -> str:
    return f"MCP server {e['server']} connected in {seconds(e['connect_s'])}: {e['tools']} tools"


def _tool_server_failed(e: Record) -> str:
    return f"MCP server {e['server']}: {e['problem']}"


def _tool_progressed(e: Record) -> str:
    return f"tool {e['tool']}: {e['text']}"


def _tool_call_finished(e: Record) -> str:
    if e["problem"]:
        return f"tool {e['tool']} failed after {seconds(e['seconds'])}: {e['problem']}"
    cut = ", its result shortened" if e["truncated"] else ""
    return f"tool {e['tool']} done in {seconds(e['seconds'])}{cut}"


def _picture_saved(e: Record) -> str:
    seed = e["settings"].get("seed")
    return (
        f"saved {e['path']}: {e['width']}x{e['height']} pixels"
        f"{f', seed {seed}' if seed else ''}, drawn in {seconds(e['seconds'])}"
    )


def _history_trimmed(e: Record) -> str:
    media = e.get("left_out_media", 0)
    pictures = f"{media} old pictures or recordings" if media else ""
    dropped = f"{e['dropped_messages']} old messages" if e["dropped_messages"] or not media else ""
    what = " and ".join(filter(None, (dropped, pictures)))
    return f"{what} left out to fit the context of {e['n_ctx']:,}"


def _conversation_switched(e: Record) -> str:
    return f"the next message goes to conversation {e['to'][:8]}"


def _reminder_due(e: Record) -> str:
    # A log keeps none of the words.
    text = f": {e['text']}" if "text" in e else ""
    return f"reminder for {time.strftime('%a %d %b, %H:%M', time.localtime(e['due_s']))}{text}"


_LINES: Mapping[str, Callable[[Record], str | None]] = {
    "fallback_chosen": _fallback_chosen,
    "memory_awaited": _memory_awaited,
    "model_loaded": _model_loaded,
    "model_load_failed": _model_load_failed,
    "read_ahead_started": _read_ahead_started,
    "read_ahead_ended": _read_ahead_ended,
    "model_parked": _model_parked,
    "parking_failed": _parking_failed,
    "model_released": _model_released,
    "model_restored": _model_restored,
    "beginning_kept": _beginning_kept,
    "beginning_restored": _beginning_restored,
    "cache_proven": _cache_proven,
    "cache_lost": _cache_lost,
    "worker_died": _worker_died,
    "specialist_failed": _specialist_failed,
    "generation_finished": _generation_finished,
    "tool_call_started": _tool_call_started,
    "permission_decided": _permission_decided,
    "tool_refused": _tool_refused,
    "tool_server_connected": _tool_server_connected,
    "tool_server_failed": _tool_server_failed,
    "tool_progressed": _tool_progressed,
    "tool_call_finished": _tool_call_finished,
    "picture_saved": _picture_saved,
    "history_trimmed": _history_trimmed,
    "conversation_switched": _conversation_switched,
    "reminder_due": _reminder_due,
}
