"""Commands that a person is meant to paste into a shell.

Owns their quoting: a model's or a file's name is what somebody else wrote, and may hold what a
shell would run. Backticks and sentences around a command are the caller's.
"""

from __future__ import annotations

import shlex


def pasted(*words: str) -> str:
    """A command, or flags of one: a shell reads each of the words as the one that it is.

    The last word may be a name that somebody else wrote, so it is no flag, whatever it begins
    with.
    """
    *command, last = words
    if command and last.startswith("-"):
        if command[-1].startswith("--"):
            command[-1] += f"={last}"
            return shlex.join(command)
        command.append("--")
    return shlex.join([*command, last])
