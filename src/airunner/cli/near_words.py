"""What a misspelt command or option was meant to be, by likeness and by what others call it.

Owns the other names, and what is said of an option that there is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from airunner.errors.base import alike

_CALLED_ELSEWHERE = {
    "ask": "chat",
    "delete": "rm",
    "download": "pull",
    "draw": "image",
    "fetch": "pull",
    "install": "setup",
    "logs": "explain",
    "ls": "list",
    "remove": "rm",
    "server": "serve",
    "start": "serve",
    "status": "ps",
    "talk": "chat",
    "web": "ui",
    "--ctx-size": "--context",
    "--gpu": "--visible-gpus",
    "--model": "--primary",
    "--n-ctx": "--context",
    "--num-ctx": "--context",
    "--ram": "--max-memory",
    "--vram": "--max-memory",
}
"""Names in other programs, and ours; one counts where ours is known and the other is not."""

_REMOVE = ("delete", "remove", "rm")
"""What is offered only where its beginning was written, never by likeness: it cannot be undone."""


def nearest(given: str, known: Iterable[str]) -> str:
    """A question with a blank in front, or nothing; the dashes of options make nothing alike."""
    names = list(known)
    others = {o: ours for o, ours in _CALLED_ELSEWHERE.items() if ours in names and o not in names}
    by_word = {_bare(name): name for name in names} | {_bare(o): ours for o, ours in others.items()}
    word = _bare(given)
    if word in by_word:
        return f" Did you mean {by_word[word]}?"
    begin = [each for each in by_word if len(word) > 2 and each.startswith(word)]
    safe = [each for each, ours in by_word.items() if ours not in _REMOVE]
    near = [by_word[each] for each in begin or alike(word, safe)]
    return f" Did you mean {' or '.join(list(dict.fromkeys(near))[:2])}?" if near else ""


@contextmanager
def options_suggested(known: Iterable[str]) -> Iterator[None]:
    """Name the nearest of ``known`` in the error for an option that there is not."""
    try:
        yield
    except Exception as error:
        # Typer has its own copy of click in some versions: by what it has, not by its class.
        given = getattr(error, "option_name", None)
        if given is not None and hasattr(error, "possibilities"):
            vars(error).update(
                message=f"No such option: {given}.{nearest(given, known)}", possibilities=None
            )
        raise


def names_of(options: Iterable[Any]) -> list[str]:
    """What may be written for ``options``."""
    return [name for option in options for name in (*option.opts, *option.secondary_opts)]


def _bare(name: str) -> str:
    return name.lstrip("-").casefold()
