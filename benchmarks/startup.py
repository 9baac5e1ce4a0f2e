"""What it costs to start: ``import airunner`` and ``airunner --help`` against bare Python.

Every round starts each of them once, in turn, so that a busy moment hits all alike.

Run: ``python -m benchmarks.startup [--rounds 20]``
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

from benchmarks.machine import describe_machine
from benchmarks.results_file import write_results

COMMANDS = {
    "bare_python_s": [sys.executable, "-c", "pass"],
    "import_airunner_s": [sys.executable, "-c", "import airunner"],
    "help_s": [sys.executable, "-m", "airunner", "--help"],
}


def seconds(command: list[str]) -> float:
    """Wall time of one process, from start to exit."""
    began_s = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began_s


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    machine = describe_machine()
    for command in COMMANDS.values():
        seconds(command)  # writes the byte code, warms the page cache
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command))
    pairs = zip(taken["import_airunner_s"], taken["bare_python_s"], strict=True)
    result = {
        "rounds": rounds,
        **{name: statistics.median(times) for name, times in taken.items()},
        "import_added_s": statistics.median(ours - bare for ours, bare in pairs),
    }
    print(json.dumps(result, indent=2))
    write_results("startup", {"machine": machine, **result})


if __name__ == "__main__":
    main()
