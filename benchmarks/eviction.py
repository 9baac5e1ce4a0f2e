"""What eviction costs: seconds of loading on simulated traces, beside policies of the textbook.

For each kind of trace (``eviction_traces``) and each of several seeds, all policies
(``eviction_policies``) serve the same requests. Seconds of loading are summed over the
seeds and divided by those of the reference that looks ahead. Nothing is measured on
a device, so the figures are the same on every machine. The target, for each kind:
at most 1.15 times the reference, and no more than least recently used.

Run: ``python -m benchmarks.eviction [--seeds 12] [--run-log FILE]``

``--run-log`` replays the requests of a recorded run (``runs/*.ndjson`` in AI
Runner's home folder) under all policies and stores nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airunner.resources.run_log import read_run
from benchmarks.eviction_policies import (
    Spent,
    greedy_dual_size_frequency,
    known_popularity,
    least_recently_used,
    look_ahead,
    optimum,
    scheduler,
)
from benchmarks.eviction_traces import KINDS, Trace, drawn_trace, trace_of_run
from benchmarks.results_file import write_results

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "eviction.svg"
FIRST_SEED = 1000
"""Seeds below it served to choose the policy."""

POLICIES = {
    "ours": scheduler,
    "gdsf": greedy_dual_size_frequency,
    "lru": least_recently_used,
    "known_popularity": known_popularity,
    "look_ahead": look_ahead,
}
COMPARED = tuple(name for name in POLICIES if name != "look_ahead")

UNSEEN = ("nightly",)
"""Kinds that had no part in choosing the policy."""

MOST_OVER_LOOK_AHEAD = 1.15


def spent_on(trace: Trace) -> dict[str, Spent]:
    """What each policy spends on one trace."""
    return {name: policy(trace) for name, policy in POLICIES.items()}


def compare(kind: str, seeds: int) -> dict[str, Any]:
    """One kind of trace: every policy over the reference, in all and by seed."""
    traces = [drawn_trace(kind, FIRST_SEED + seed) for seed in range(seeds)]
    runs = [spent_on(trace) for trace in traces]
    least_s = sum(optimum(trace) or 0.0 for trace in traces)
    reference_s = sum(run["look_ahead"].seconds for run in runs)
    reference_loads = sum(run["look_ahead"].loads for run in runs)
    row: dict[str, Any] = {"kind": kind, "unseen": kind in UNSEEN}
    row["reference_s"] = round(reference_s, 1)
    for name in COMPARED:
        loads = sum(run[name].loads for run in runs)
        each = [run[name].seconds / run["look_ahead"].seconds for run in runs]
        row[name] = {
            "over_look_ahead": sum(run[name].seconds for run in runs) / reference_s,
            "loads_over_look_ahead": loads / reference_loads,
            "by_seed": [round(ratio, 3) for ratio in each],
        }
    row["optimum_over_look_ahead"] = least_s / reference_s
    row["ours_over_lru"] = row["ours"]["over_look_ahead"] / row["lru"]["over_look_ahead"]
    return row


def draw(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Bars over the reference, by kind and policy, with a dot for each seed."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text
    mpl.rcParams["svg.hashsalt"] = "eviction"  # the same figures give the same file
    import matplotlib.pyplot as plt

    names = {"ours": "AI Runner", "gdsf": "GreedyDual-Size-Frequency", "lru": "LRU"}
    colours = {"ours": "#2563eb", "gdsf": "#f59e0b", "lru": "#9ca3af"}
    figure, axes = plt.subplots(figsize=(10, 3.8), layout="constrained")
    width = 0.26
    for place, (name, label) in enumerate(names.items()):
        at = [number + (place - 1) * width for number in range(len(rows))]
        heights = [row[name]["over_look_ahead"] for row in rows]
        bars = axes.bar(at, heights, width * 0.92, color=colours[name], label=label)
        axes.bar_label(bars, fmt="%.2f", fontsize=8, label_type="center", rotation=90)
        for x, row in zip(at, rows, strict=True):
            dots = row[name]["by_seed"]
            axes.plot([x] * len(dots), dots, ".", color="black", alpha=0.3, markersize=3)
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_ylabel("seconds of loading,\nof a reference that looks ahead")
    kinds = [row["kind"] + ("\n(unseen kind)" if row["unseen"] else "") for row in rows]
    axes.set_xticks(range(len(rows)), kinds)
    axes.set_ylim(0.0, None)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.14))
    figure.savefig(file, metadata={"Date": None})


def replayed(path: Path) -> dict[str, Any]:
    """What each policy would have spent on a recorded run."""
    trace = trace_of_run(read_run(path))
    result: dict[str, Any] = {"requests": len(trace.requests), "models": len(trace.size_bytes)}
    for name, spent in spent_on(trace).items():
        result[name] = {"loads": spent.loads, "load_s": round(spent.seconds, 2)}
    result["optimum_s"] = optimum(trace)
    return result


def main() -> int:
    """Compare, print, store and draw; the exit status says whether the target was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--run-log", type=Path, help="a recorded run in place of drawn traces")
    options = parser.parse_args()
    if options.run_log:
        print(json.dumps(replayed(options.run_log), indent=2))
        return 0
    rows = [compare(kind, options.seeds) for kind in KINDS]
    for row in rows:
        ratios = (f"{name} {row[name]['over_look_ahead']:.3f}" for name in COMPARED)
        print(f"{row['kind']:9}", *ratios, f"optimum {row['optimum_over_look_ahead']:.3f}")
    write_results("eviction", {"seeds": options.seeds, "first_seed": FIRST_SEED, "rows": rows})
    draw(rows, PICTURE)
    met = all(
        row["ours"]["over_look_ahead"] <= MOST_OVER_LOOK_AHEAD and row["ours_over_lru"] <= 1.0
        for row in rows
    )
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
