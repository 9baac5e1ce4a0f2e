"""Whether a guided model's tool is chosen rightly, on requests that people wrote to real products.

The ``live`` cases of the Berkeley Function Calling Leaderboard, whose tools have names and
descriptions and no examples. No model is asked. The gate was chosen on even-numbered
cases, and odd ones are reported.

Needs ``pip install --no-deps bfcl-eval==2026.3.23``.

Run: ``python -m benchmarks.choosing [--half odd|even]``
"""

from __future__ import annotations

import argparse
import json

from airunner.guided.choosing import SearchChooser
from airunner.guided.request import split_request
from benchmarks.bfcl import Case, load, our_name
from benchmarks.results_file import write_results

SETS = ("live_simple", "live_multiple", "live_irrelevance")


def called(case: Case) -> str:
    """The name of the tool that is called; empty if none is."""
    choice = SearchChooser(case.tools).choose(split_request(case.text))
    return choice.tool.name if choice and choice.verdict == "fits" else ""


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--half", choices=("odd", "even"), default="odd")
    half = parser.parse_args().half
    rows = []
    for name in SETS:
        cases = [case for case in load(name) if case.number % 2 == (half == "odd")]
        # Of an irrelevant request there are no answers, and nothing is right.
        wanted = [our_name(next(iter(c.answers[0]))) if c.answers else "" for c in cases]
        found = [called(case) for case in cases]
        right = sum(a == b for a, b in zip(found, wanted, strict=True))
        wrong = sum(bool(a) and a != b for a, b in zip(found, wanted, strict=True))
        count = len(cases)
        rows.append({"set": name, "cases": count, "right": right / count, "wrong": wrong / count})
    result = {"half": half, "rows": rows}
    print(json.dumps(result, indent=2))
    if half == "odd":
        write_results("choosing", result)


if __name__ == "__main__":
    main()
