"""What was left out of a prompt, in words for people.

Owns the words alone, which the terminal and the page say alike; the event is
``HistoryTrimmed``.
"""

from __future__ import annotations

from airunner.events.turn_events import HistoryTrimmed


def trimmed_in_words(event: HistoryTrimmed) -> str:
    """One line: what the model does not get, and the context in tokens."""
    return what_was_trimmed(
        event.dropped_messages, event.left_out_media, event.shortened_messages, n_ctx=event.n_ctx
    )


def what_was_trimmed(dropped: int, media: int, shortened: int, *, n_ctx: int) -> str:
    """The same from the counts, as a log has them.

    One from before shortened messages were counted may name none of the three.
    """
    left_out = [
        _counted(dropped, "old message"),
        _counted(media, "old picture or recording", "old pictures or recordings"),
    ]
    told = []
    if what := " and ".join(filter(None, left_out)):
        told.append(f"{what} left out")
    if shortened or not what:
        which = "a long message" if shortened < 2 else f"{shortened} long messages"
        told.append(f"the middle of {which} left out, only beginning and end are read")
    return f"{'; '.join(told)}, to fit the context of {n_ctx:,} tokens"


def _counted(number: int, one: str, several: str = "") -> str:
    if not number:
        return ""
    return f"{number} {one if number == 1 else several or one + 's'}"
