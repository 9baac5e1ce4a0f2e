"""A process that matches one regular expression against lines, and can be killed.

Owns nothing else: it is run as a script by ``line_search``, reads JSON from its
standard input and writes [text, line, place] of each match, all counted from 0.
"""

from __future__ import annotations

import json
import re
import sys


def main() -> None:
    """Read the task, match, write the places."""
    task = json.load(sys.stdin.buffer)
    search = re.compile(task["pattern"], re.IGNORECASE).search
    found = [
        (text, number, match.start())
        for text, lines in enumerate(task["texts"])
        for number, line in enumerate(lines)
        if (match := search(line))
    ]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
