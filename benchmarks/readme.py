"""Fills the tables of README.md and ``docs/`` with the figures in ``benchmarks/results``.

A table stands between ``<!-- results:NAME -->`` and ``<!-- /results:NAME -->``, on
whichever page; everything between the two is replaced, so that no figure is typed by hand.

Run: ``python -m benchmarks.readme [--check]``; with ``--check`` nothing is
written and the exit status says whether every page is up to date.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

from airunner.config.byte_size import format_bytes
from benchmarks.results_file import read_results
from benchmarks.server_tables import crowd, kills, restarts, server, strangers
from benchmarks.tables import Result, duration, share, table, taken

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
SECTION = re.compile(r"(<!-- results:(\w+) -->\n).*?(<!-- /results:\2 -->)", re.DOTALL)


def swap(result: Result) -> list[str]:
    """Time to first token around a swap, by length of the conversation."""
    heads = ["", *map(swap_head, result["rows"])]
    lines: list[tuple[str, Callable[[Result], str]]] = [
        ("never left", lambda row: duration(row["never_left_ttft_s"])),
        ("**back after a swap, parked**", lambda row: f"**{duration(row['parked_ttft_s'])}**"),
        ("back after a swap, not parked", lambda row: duration(row["forgotten_ttft_s"])),
        ("parked is faster by", lambda row: f"{row['forgotten_over_parked']:.1f}×"),
        (
            "parked / (never left + bare load)",
            lambda row: f"{row['parked_over_never_left_plus_load']:.2f}×",
        ),
        (
            "first token when the tool works on meanwhile",
            lambda row: duration(row["ttft_when_tool_works_on_s"]),
        ),
        ("tokens reused, least", lambda row: f"{row['least_cached_share']:.1%}"),
        ("answers identical", lambda row: f"{row['identical_answers']} of {row['trials']}"),
    ]
    rows = [[name, *(show(row) for row in result["rows"])] for name, show in lines]
    return [*table(heads, rows), "", taken(result)]


def swap_head(row: Result) -> str:
    """The length of a conversation, and whether tools are part of it."""
    tools = f", {row['tools']} tools in it" if row.get("tools") else ""
    return f"{row['prompt_tokens']:,} tokens{tools}"


def conversation(result: Result) -> list[str]:
    """A long conversation with tools, beside an earlier revision."""
    before = result.get("before", {})
    reuse, reuse_before = result["reuse"], before.get("before_reuse", {})
    ours, theirs = result["first_token"], before.get("before_first_token", {})

    def then(figures: Result, key: str, show: Callable[[Any], str]) -> str:
        return show(figures[f"before_{key}"]) if figures else ""

    rows = []
    for key, what in (
        ("least_share_of_possible_reused", f"least of {result['turns']} turns"),
        ("least_share_of_a_generation_reused", f"least of {reuse['generations']} generations"),
        ("mean_share_reused", "mean of them"),
    ):
        name = f"possible tokens re-used, {what}"
        rows.append([name, share(reuse[key]), then(reuse_before, key, share)])
    other, other_before = reuse["other_tokens"], reuse_before.get("before_other_tokens", {})
    of_all = share(other["least_reused_of_all_held"])
    of_all_before = then(other_before, "least_reused_of_all_held", share)
    rows.append([f"of all in the cache, least of {result['turns']} turns", of_all, of_all_before])
    what = f"impossible: the same text in other tokens, {other['generations']} generations"
    rows.append([what, f"{other['tokens']:,}", ""])
    of_prompt = share(reuse.get("least_share_of_the_last_prompt_reused", 0))
    rows.append(["the same of the last prompt alone, without its answer, least", of_prompt, ""])
    anew = [f"{reuse['processed_tokens']:,}", then(reuse_before, "processed_tokens", "{:,}".format)]
    rows.append(["tokens read anew in all of them", *anew])
    for place, where in (("stayed", ""), ("after_a_swap", ", after a swap")):
        row, row_before = ours[place], theirs.get(f"before_{place}", {})
        name = f"**first token of a turn{where}**"
        times = [f"**{duration(row['ttft_s'])}**", then(row_before, "ttft_s", duration)]
        rows.append([name, *times])
        for key, size in (("as_long", "as long"), ("shorter", "shorter by the tools")):
            over = f"{row[f'over_without_tools_{key}']:.2f}×"
            rows.append([f"of that without tools, {size}{where}", over, ""])
        if alike := row.get("alike_over_without_tools_as_long"):
            name = f"the same, the {row['alike_pairs']} turns with as much to read{where}"
            rows.append([name, f"{alike:.2f}×", ""])
    for place, where in (("stayed", ""), ("after_a_swap", ", after a swap")):
        chat = result["new_chat"][place]
        rows.append([f"first token of a new chat{where}", duration(chat["ttft_s"]), ""])
        not_kept = duration(chat["ttft_not_kept_s"])
        rows.append([f"the same, its beginning not kept{where}", not_kept, ""])
    return [*table(["", "now", "before"], rows), "", taken(result)]


def gateway(result: Result) -> list[str]:
    """What our stack costs over asking the same server directly."""
    ways = {"direct": "llama-server asked directly", "lease": "a lease", "turn": "a whole turn"}
    rows = []
    for way, name in ways.items():
        over = result.get(f"{way}_over_direct")
        rows.append(
            [
                name,
                f"{result[way]['tokens_per_s']:.1f}",
                duration(result[way]["ttft_s"]),
                f"{over['tokens_per_s_ratio']:.1%}" if over else "",
                f"{over['added_ttft_s'] * 1000:+.1f} ms" if over else "",
            ]
        )
    heads = ["", "tokens/s", "first token", "of direct", "added"]
    return [*table(heads, rows), "", taken(result)]


def images(result: Result) -> list[str]:
    """What drawing through AI Runner costs, and a turn with a picture."""
    picture, turn, cancel = result["picture"], result["turn"], result["cancel"]
    same = f"{picture['identical']} of {picture['pairs']}"
    peak = f"{turn['peak_bytes'] / turn['budget_bytes']:.0%} of the budget"
    rows = [
        ["one picture, of plain diffusers' time", f"{picture['ours_over_plain']:.2f}×"],
        ["the same pixels", same],
        ["a turn that swaps three models, of its parts", f"{turn['over_parts']:.2f}×"],
        ["loads of any one model in it, at most", f"{turn['most_loads_of_a_model']}"],
        ["most memory of all workers together", peak],
        ["from cancelling to the memory back", duration(cancel["memory_back_s"])],
    ]
    return [*table(["", "measured"], rows), "", taken(result)]


def shapes(result: Result) -> list[str]:
    """What the embedded image model gets right."""
    right = result["right"]
    rows = [[f"{result['prompts']}", *(f"{share:.1%}" for share in right.values())]]
    note = f"<sub>{result['steps']} steps, guidance {result['guidance']}; made by "
    note += "`python -m training.shapes.evaluate`.</sub>"
    return [*table(["prompts", *right], rows), "", note]


SETS = {
    "live_simple": "one tool offered",
    "live_multiple": "several tools",
    "live_simple_39": "one tool among 39",
    "live_irrelevance": "no tool fits",
    "small_talk": "small talk among 39 tools",
}


def tool_calling(result: Result) -> list[str]:
    """How well tools are called, beside the engine's own tool calling."""
    found = {(row["set"], row["way"]): row for row in result["rows"]}
    rows = []
    for name, meaning in SETS.items():
        ours, engine = found.get((name, "ours")), found.get((name, "engine"))
        if ours is None:
            continue
        wants_call = name not in ("live_irrelevance", "small_talk")
        rows.append(
            [
                meaning,
                f"{ours['cases']}",
                share(ours["schema_valid"]),
                share(ours["right_function"]),
                share(ours["right"]) if wants_call else "",
            ]
        )
        if engine:
            rows[-1].append(f"{share(engine['right_function'])} of {engine['cases']}")
    heads = ["", "cases", "valid", "right tool, or rightly none", "right arguments"]
    if any(way == "engine" for _, way in found):
        heads.append("engine's own")
    choice = result["tool_choice"]
    obeyed = ", ".join(f"{kind} {share(choice[kind])}" for kind in ("none", "required", "named"))
    note = f"Of {choice['cases']} requests each, `tool_choice` was obeyed: {obeyed}."
    return [*table(heads, rows), "", note, "", taken(result)]


def toolbox(result: Result) -> list[str]:
    """How surely the built-in tools are found."""
    right, wrong, talk = result["right_and"], result["wrong_and"], result["small_talk_and"]
    rows = [
        ["the right one comes first", share(result["right_first"])],
        ["the right one is called", share(right["called"])],
        ["it is asked whether the right one is meant", share(right["asked about"])],
        ["another one is called", share(wrong["called"])],
        [
            "`search_tools` has the right one among the eight that it finds",
            share(result["right_found_by_search"]),
        ],
        ["small talk leads to no call", share(1 - talk["called"])],
        ["nor to a question", share(talk["nothing"])],
    ]
    heads = [f"of {result['tools']} tools, for {result['requests']} requests", "share"]
    return [*table(heads, rows), "", taken(result)]


def tool_costs(result: Result) -> list[str]:
    """What finding tools and constrained decoding cost."""
    retrieval, constraint = result["retrieval"], result["constraint"]
    rows = [
        [
            f"{retrieval['found_s'] * 1000:.1f} ms",
            share(constraint["constrained_over_free"]),
        ]
    ]
    heads = [
        f"finding a tool among {retrieval['tools']:,}",
        "decoding speed under a schema, of free",
    ]
    return [*table(heads, rows), "", taken(result)]


def memory(result: Result) -> list[str]:
    """How well memory is predicted."""
    summary, engine = result["summary"], result["machine"]["engine"]
    rows = [
        [
            f"{summary['cases']}",
            f"{summary['worst_error']:.1%}",
            f"{summary['worst_under_prediction']:.1%}",
        ]
    ]
    heads = ["cases", "worst error", "worst under-prediction"]
    where = f" on an {result['machine']['gpu']}" if "gpu" in result["machine"] else ""
    return [*table(heads, rows), "", f"<sub>Measured with {engine}{where}.</sub>"]


def eviction(result: Result) -> list[str]:
    """Seconds of loading, of a reference that looks ahead, by kind of trace and policy."""
    names = ("ours", "gdsf", "lru", "known_popularity")
    rows = [
        [
            f"`{row['kind']}`" + (", unseen" if row["unseen"] else ""),
            *(f"{row[name]['over_look_ahead']:.2f}×" for name in names),
            f"{row['optimum_over_look_ahead']:.2f}×",
            f"{row['ours_over_lru']:.3f}×",
        ]
        for row in result["rows"]
    ]
    heads = ["", "AI Runner", "GDSF", "LRU", "knows popularities", "optimum", "AI Runner, of LRU"]
    note = f"<sub>{result['seeds']} traces of each kind; simulated, on any machine alike.</sub>"
    return [*table(heads, rows), "", note]


def startup(result: Result) -> list[str]:
    """What it costs to start."""
    rows = [
        [
            duration(result["bare_python_s"]),
            f"+{result['import_added_s'] * 1000:.0f} ms",
            duration(result["help_s"]),
        ]
    ]
    heads = ["bare Python", "`import airunner`", "`airunner --help`"]
    return [*table(heads, rows), "", taken(result)]


def headlines(
    conversation: Result,
    swap: Result,
    full_size_swap: Result,
    memory: Result,
    gpu_memory: Result,
    gateway: Result,
    images: Result,
) -> list[str]:
    """What the README shows of the other tables: the longest conversation, the worst error."""
    reuse, turns = conversation["reuse"], conversation["turns"]
    what = f"possible tokens re-used from one answer to the next, {turns} turns with "
    what += f"{conversation['tools']} tools, least of all"
    possible = f"**{share(reuse['least_share_of_possible_reused'])}**"
    of_all = share(reuse["other_tokens"]["least_reused_of_all_held"])
    rows = [[what, f"{possible}; {of_all} of all in the cache"]]
    for result, where in ((swap, "135M model, CPU"), (full_size_swap, "8B model, H200")):
        longest = max(result["rows"], key=lambda row: row["prompt_tokens"])
        what = f"first token after a swap, {swap_head(longest)}, {where}"
        parked, forgotten = longest["parked_ttft_s"], longest["forgotten_ttft_s"]
        figures = f"**{duration(parked)}**; {duration(forgotten)} without parking"
        rows.append([what, figures])
    least = min(row["least_cached_share"] for r in (swap, full_size_swap) for row in r["rows"])
    rows.append(["tokens found in the cache after a swap, least of all trials", share(least)])
    for result, where in ((memory, "CPU"), (gpu_memory, "H200")):
        summary = result["summary"]
        what = f"memory promised too little, worst of {summary['cases']} loads, {where}"
        rows.append([what, share(summary["worst_under_prediction"])])
    added = gateway["turn_over_direct"]["added_ttft_s"]
    rows.append(
        ["added to `llama-server`'s first token, a whole turn", f"{added * 1000:.1f} ms"],
    )
    over = f"{images['turn']['over_parts']:.2f}× of its parts"
    rows.append(["a turn that swaps three models and draws", over])
    return table(["", "measured"], rows)


def worst_inputs(result: Result) -> list[str]:
    """What the worst known input of each reader costs."""
    heads = ["reader", "one may have", "slowest", "processor time", "largest", "memory"]
    rows = [
        [
            row["reader"],
            row["limit"],
            row["slowest"]["input"],
            duration(row["slowest"]["cpu_s"]),
            row["largest"]["input"],
            format_bytes(row["largest"]["peak_bytes"]),
        ]
        for row in result["rows"]
    ]
    return [*table(heads, rows), "", taken(result)]


SUMMARIES: Mapping[str, Callable[..., list[str]]] = {"headlines": headlines}
"""Tables made of several results: those that the parameters are named after."""

TABLES: Mapping[str, Callable[[Result], list[str]]] = {
    "conversation": conversation,
    "swap": swap,
    "full_size_swap": swap,
    "gateway": gateway,
    "server": server,
    "large": server,
    "restarts": restarts,
    "strangers": strangers,
    "crowd": crowd,
    "kills": kills,
    "memory": memory,
    "gpu_memory": memory,
    "images": images,
    "shapes": shapes,
    "image_memory": memory,
    "eviction": eviction,
    "startup": startup,
    "tool_calling": tool_calling,
    "tool_costs": tool_costs,
    "toolbox": toolbox,
    "worst_inputs": worst_inputs,
}


def filled(text: str) -> str:
    """``text`` with every table for which there is a result made anew."""

    def fill(section: re.Match[str]) -> str:
        summary = SUMMARIES.get(section[2])
        names = signature(summary).parameters if summary else [section[2]]
        results = [read_results(name) for name in names]
        if None in results:
            return section[0]
        make: Callable[..., list[str]] = summary or TABLES[section[2]]
        return section[1] + "\n".join(make(*results)) + "\n" + section[3]

    return SECTION.sub(fill, text)


def main() -> int:
    """Fill every page, or only compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on a change")
    check = parser.parse_args().check
    stale = False
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = filled(before)
        stale = stale or before != after
        if before != after and not check:
            page.write_text(after, encoding="utf-8")
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
