"""The source of a script in what a model gave: without its Markdown, from the left margin."""

from __future__ import annotations

import re
import textwrap

# Nothing is given back once it has matched: a long first line would be tried at every length.
_BLOCK = re.compile(
    r"^[ \t]*+(`{3,}+|~{3,}+)[ \t]*+([\w+-]*+)[^\n]*+\n(.*?)^[ \t]*+\1", re.MULTILINE | re.DOTALL
)
_OPENING = re.compile(r"\s*+(?:`{3,}+|~{3,}+)[^\n]*+\n")


def script_in(text: str) -> str:
    """The code in what a model gave: the Python blocks, else all blocks, else everything.

    A block that is not closed counts only where it begins the text: a line of
    backticks may stand in the code itself.
    """
    blocks = [(found[2].lower(), found[3]) for found in _BLOCK.finditer(text)]
    if blocks:
        python = [code for language, code in blocks if language.startswith("py")]
        code = "\n".join(python or [code for _, code in blocks])
    elif opening := _OPENING.match(text):
        code = text[opening.end() :]
    else:
        code = text
        if text.strip().startswith("`"):
            code = text.strip().strip("`")
    return textwrap.dedent(code.strip("\n")).rstrip()
