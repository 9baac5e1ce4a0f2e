"""What tool calling costs beside the model's own work: finding tools, and constrained decoding.

1. Finding the tools for a request among 1,000: by words alone, and by words and
   meaning together; and reading those 1,000 tools once.
2. Decoding under a tool's JSON schema against decoding the same number of tokens
   freely, pair by pair on the same loaded model.

The tools and requests are those of the Berkeley Function Calling Leaderboard,
repeated under numbered names. Needs ``pip install --no-deps bfcl-eval==2026.3.23``.

Run: ``python -m benchmarks.tool_costs [--pairs 16]``
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from airunner.config.settings import Settings
from airunner.engines.base import ChatRequest
from airunner.messages import Message, Usage
from airunner.models.spec import ModelCapability
from airunner.runtime import Runtime
from airunner.tools.schema import COMPACT_JSON
from airunner.tools.search import ToolSearch
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset
from benchmarks.bfcl import all_functions, as_tool, load
from benchmarks.machine import describe_machine
from benchmarks.results_file import write_results

TOOLS = 1000
REQUESTS = 100
TOKENS = 96
PRIMARY = ModelCapability.PRIMARY_CONVERSATION
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 60},
        "kind": {"enum": ["letter", "report", "story"]},
        "text": {"type": "string", "minLength": 600, "maxLength": 2000},
    },
    "required": ["title", "kind", "text"],
    "additionalProperties": False,
}
QUESTION = "Write a long story about the sea, the wind and the ships, with a title."


def thousand_tools() -> list[Tool]:
    """The leaderboard's functions, again and again, each under a name of its own."""
    functions = all_functions([*load("simple_python"), *load("multiple")])
    numbered = enumerate(islice(cycle(functions), TOOLS))
    return [as_tool({**function, "name": f"{function['name']}_{n}"}) for n, function in numbered]


def find(tools: Sequence[Tool], texts: Sequence[str]) -> tuple[float, float]:
    """Seconds to read the tools, and the median for one request after that."""
    began_s = time.perf_counter()
    search = ToolSearch(Toolset(tools))
    read_s = time.perf_counter() - began_s
    taken: list[float] = []
    for text in texts:
        began_s = time.perf_counter()
        search.find(text)
        taken.append(time.perf_counter() - began_s)
    return read_s, statistics.median(taken)


async def decode(runtime: Runtime, schema: Mapping[str, Any] | None) -> float:
    """Tokens per second after the first."""
    request = ChatRequest(
        [Message("user", QUESTION)],
        max_tokens=TOKENS,
        temperature=0.0,
        repeat_penalty=1.1,
        seed=1,
        json_schema=schema,
        conversation="tool_costs",
    )
    times: list[float] = []
    usage = Usage()
    async with runtime.team.lease(PRIMARY, owner="benchmark") as lease:
        async for delta in lease.chat(request):
            if delta.text:
                times.append(time.perf_counter())
            usage = delta.usage or usage
    return (usage.completion_tokens - 1) / (times[-1] - times[0])


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--home", type=Path, default=None)
    options = parser.parse_args()
    machine = describe_machine()
    tools = thousand_tools()
    texts = [case.text for case in load("multiple")[:REQUESTS]]
    read_s, found_s = find(tools, texts)
    schema = {**SCHEMA, **COMPACT_JSON}
    free: list[float] = []
    constrained: list[float] = []
    with Runtime(Settings.load({"home": options.home, "context": 2048})) as runtime:
        runtime.call(decode(runtime, None))
        runtime.call(decode(runtime, schema))
        for pair in range(options.pairs):
            ways = [(free, None), (constrained, schema)]
            for rates, wanted in ways if pair % 2 else reversed(ways):
                rates.append(runtime.call(decode(runtime, wanted)))
    ratios = [bound / loose for bound, loose in zip(constrained, free, strict=True)]
    result = {
        "machine": machine,
        "retrieval": {
            "tools": TOOLS,
            "found_s": found_s,
            "reading_tools_s": read_s,
        },
        "constraint": {
            "pairs": options.pairs,
            "free_tokens_per_s": statistics.median(free),
            "constrained_tokens_per_s": statistics.median(constrained),
            "constrained_over_free": statistics.median(ratios),
        },
    }
    print(json.dumps(result, indent=2))
    write_results("tool_costs", result)


if __name__ == "__main__":
    main()
