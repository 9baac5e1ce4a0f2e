"""Commands that a person is meant to paste into a shell.

Owns their quoting: a model's or a file's name is what somebody else wrote, and may hold what a
shell would run. Backticks and sentences around a command are the caller's.
"""

from __future__ import annotations

import shlex


def pasted(*words: str) -> str:
    """A command, or flags of one: a shell reads each of the words as the one that it is."""
    return shlex.join(words)
