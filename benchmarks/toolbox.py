"""Whether the built-in tools are found: requests for each of them, and talk that wants none.

No model is asked, only what finds tools. Of each request: is the right tool the first,
is it called or asked about, and is it among those that a model with tool calling of its
own is shown?

Requests and small talk were written without sight of how tools are found. Even-numbered
requests may be tuned on; odd ones, and all small talk here, are reported.

Run: ``python -m benchmarks.toolbox [--half odd|even] [--misses]``
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass

from airunner.components.llm.tools.image_tools import image_toolset
from airunner.guided.choosing import SearchChooser
from airunner.guided.request import split_request
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.search import ToolSearch
from benchmarks.machine import describe_machine
from benchmarks.results_file import write_results
from benchmarks.small_talk import HELD_OUT, TUNED_ON
from benchmarks.toolbox_requests import REQUESTS

CALLED, ASKED, NOTHING = "called", "asked about", "nothing"
VERDICTS = {"fits": CALLED, "doubtful": ASKED, "unlikely": NOTHING}


@dataclass(frozen=True)
class Found:
    """What came of one request."""

    text: str
    wanted: str
    first: str
    verdict: str
    searched: bool

    @property
    def is_right(self) -> bool:
        """Whether the first tool is the one that is meant, or rightly none was called."""
        return self.verdict == NOTHING if not self.wanted else self.first == self.wanted


def find(chooser: SearchChooser, search: ToolSearch, text: str, wanted: str) -> Found:
    """What ``text`` leads to, as the agent loop decides it."""
    best = chooser.choose(split_request(text))
    verdict = VERDICTS[best.verdict] if best else NOTHING
    searched = {tool.name for tool in search.find(text)}
    return Found(text, wanted, best.tool.name if best else "", verdict, wanted in searched)


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--half", choices=("odd", "even"), default="odd")
    parser.add_argument("--misses", action="store_true", help="print what went wrong")
    options = parser.parse_args()
    toolset = builtin_toolset() + image_toolset()
    chooser, search = SearchChooser(toolset), ToolSearch(toolset)
    requests = REQUESTS[options.half == "odd" :: 2]
    talk = HELD_OUT if options.half == "odd" else TUNED_ON
    found = [find(chooser, search, text, wanted) for text, wanted in requests]
    quiet = [find(chooser, search, text, "") for text in talk]
    right = Counter(each.verdict for each in found if each.is_right)
    wrong = Counter(each.verdict for each in found if not each.is_right)
    result = {
        "machine": describe_machine(),
        "half": options.half,
        "tools": len(toolset),
        "requests": len(found),
        "right_first": sum(right.values()) / len(found),
        "right_and": {verdict: right[verdict] / len(found) for verdict in (CALLED, ASKED)},
        "wrong_and": {verdict: wrong[verdict] / len(found) for verdict in (CALLED, ASKED)},
        "right_found_by_search": sum(each.searched for each in found) / len(found),
        "small_talk": len(quiet),
        "small_talk_and": {
            verdict: sum(each.verdict == verdict for each in quiet) / len(quiet)
            for verdict in (NOTHING, ASKED, CALLED)
        },
    }
    if options.misses:
        for each in [*found, *quiet]:
            if not each.is_right or (each.wanted and each.verdict == NOTHING):
                line = f"{each.text!r}: {each.verdict} {each.first}, wanted {each.wanted or None}"
                print(line + ("" if each.searched or not each.wanted else ", not found by search"))
    print(json.dumps(result, indent=2))
    if options.half == "odd":
        write_results("toolbox", result)


if __name__ == "__main__":
    main()
