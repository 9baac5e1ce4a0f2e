"""The tables of what the server costs, and of what it keeps warm; see ``server``."""

from __future__ import annotations

from airunner.config.byte_size import format_bytes
from benchmarks.tables import Result, duration, share, table, taken

_WAYS = {
    "direct": "llama-server asked directly",
    "ours": "**`airunner serve`**",
    "litellm": "LiteLLM's proxy",
}
_KEEPERS = {
    "llama_server": "llama-server",
    "hearth": "hearth before a llama-server",
    "ours": "**`airunner serve`**",
}


def server(result: Result) -> list[str]:
    """What a server adds to the engine behind it."""
    one, many, streams = result["one"], result["many"], result["streams"]
    agents = result.get("agent")
    rows = []
    for way, name in _WAYS.items():
        if way not in one:
            continue
        first, is_added = result["first"][way], way != "direct"
        rows.append(
            [
                name,
                _milliseconds(first["added_ttft_s"]) if is_added else "",
                _milliseconds(first["added_ttft_p99_s"]) if is_added else "",
                _milliseconds(agents[way]["added_ttft_s"]) if is_added and agents else "",
                _milliseconds(first["cpu_s_a_request"]) if is_added else "",
                share(one[way]["of_direct"]) if is_added else "",
                share(many[way]["of_direct"]) if is_added else "",
                f"{one[way]['cpu_s_a_token'] * 1e6:.0f} µs" if is_added else "",
                f"{many[way]['cpu_s_a_token'] * 1e6:.0f} µs" if is_added else "",
            ]
        )
    heads = ["", "first token", "p99", "an agent's", "CPU of a request", "tokens/s"]
    heads += [f"of {streams} streams", "CPU of a token", f"of {streams} streams"]
    return [*table(heads, rows), "", taken(result)]


def restarts(result: Result) -> list[str]:
    """Conversations that are sent whole, while warm and after a restart."""
    rows = [
        [
            name,
            duration(result[way]["warm_ttft_s"]),
            duration(result[way]["warm_total_s"]),
            duration(result[way]["restarted_ttft_s"]),
            duration(result[way]["restarted_total_s"]),
            f"{result[way]['warm_over_warm_llama_server']:.2f}×",
            f"{result[way]['restarted_over_warm_llama_server']:.2f}×",
        ]
        for way, name in _KEEPERS.items()
    ]
    heads = ["", "first token, warm", "answer", "first token, restarted", "answer"]
    heads += ["of llama-server's warm answer", "restarted"]
    return [*table(heads, rows), "", taken(result)]


def strangers(result: Result) -> list[str]:
    """Conversations over two models of which the memory holds one."""
    rows = [
        ["re-used of what could be, least of all turns", share(result["least_share_reused"])],
        ["the same after a restart", share(result["least_share_reused_after_a_restart"])],
        ["**first token**", f"**{duration(result['ttft_s'])}**"],
        ["first token after a restart", duration(result["ttft_after_a_restart_s"])],
        ["first token, nothing parked", duration(result["ttft_not_parked_s"])],
        ["parked is faster by", f"{result['not_parked_over_parked']:.1f}×"],
    ]
    return [*table(["", "measured"], rows), "", taken(result)]


def _milliseconds(seconds_s: float) -> str:
    return f"{seconds_s * 1000:.1f} ms"


def crowd(result: Result) -> list[str]:
    """Two hundred clients of two models, and those who only listen."""
    turns, idle = result["turns"], result["idle"]
    rows = [
        ["longest wait, of the fair share", f"{turns['longest_wait_of_fair']:.1f}×"],
        ["swaps, of those of first come, first served", f"{turns['swaps_of_first_come']:.1%}"],
        [f"memory of the server with {idle['readers']:,} idle readers of events", held(idle)],
    ]
    return [*table(["", "measured"], rows), "", taken(result)]


def held(idle: Result) -> str:
    """Bytes with the readers, and without them."""
    before, with_them = (format_bytes(idle[name]) for name in ("before_bytes", "held_bytes"))
    return f"{with_them}, {before} before"


def kills(result: Result) -> list[str]:
    """What was whole after kills of workers, and what was lost by kills of the server."""
    rows = [
        [f"worker, in the middle of an answer: {api}", f"{each['kills']}", f"{each['whole']} whole"]
        for api, each in result.get("workers", {}).items()
    ]
    if found := result.get("server"):
        lists = ("problems", "files_left", "shared_memory_left")
        lost = found["workers_left"] + sum(len(found[name]) for name in lists)
        rows.append(
            ["server, while it writes and parks", f"{found['kills']}", f"{lost} lost or left"]
        )
    return [*table(["killed", "times", ""], rows), "", taken(result)]
