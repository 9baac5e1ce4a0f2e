"""What to say of a process that died while it loaded a model, whatever the library.

What a library's own log means is its engine's to know.
"""

from __future__ import annotations

_LONGEST_LINE = 200


def death_while_loading(exit_code: int | None, log: str) -> str:
    """What to say of a process that ended without a word; negative for a signal.

    The end of its log is the best that is known of the reason.
    """
    if exit_code == -9:
        return "its process was killed while loading, by you or for want of memory"
    last = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "")
    end = f"; its log ends in: {last[:_LONGEST_LINE]}" if last else ""
    return f"its process died while loading (exit code {exit_code}){end}"
