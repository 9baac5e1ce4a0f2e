"""How well a model calls tools: ours against the engine's own tool calling, case by case.

Each case of the Berkeley Function Calling Leaderboard goes through a whole turn of
the agent loop, and, with ``--engine``, to the same loaded model as tools in the
request, the way any client of llama-server asks. BFCL's checker judges both. The cases
are those of its live sets, which people wrote to real products; those of ``live_simple``
are asked again among 39 tools, those of others added. Small talk is our own, and was
written without sight of how tools are found. What is kept of grounding was chosen on
even-numbered cases; odd ones are reported.

``--model`` takes a registered name or a GGUF file; ``--native`` has a file's tools rendered
and its calls parsed by its own template, and our constraint on top.

Every call is validated against its tool's JSON schema by an independent library.
Outcomes are kept line by line beside the results, so an interrupted run goes on.

Needs ``pip install --no-deps bfcl-eval==2026.3.23`` and ``jsonschema-rs``.

Run: ``python -m benchmarks.tool_calling [--cases N] [--model NAME] [--half odd|even|both]``
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.turn_request import TurnRequest
from airunner.components.llm.config.model_capabilities import MODEL_REGISTRY
from airunner.config.settings import Settings
from airunner.engines.base import ChatRequest
from airunner.errors import AiRunnerError
from airunner.events import GenerationFinished, ToolCallStarted, TurnFinished
from airunner.guided.tool_calling import GuidedToolCalling
from airunner.messages import Message, ToolCall
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.runtime import Runtime
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset
from benchmarks.bfcl import Case, all_functions, first_problem, load, with_distractors
from benchmarks.machine import describe_machine
from benchmarks.results_file import RESULTS, write_results
from benchmarks.small_talk import HELD_OUT

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
CATALOGUE = 39
ENGINE_TOKENS = 300
ANSWER_TOKENS = 8
SETS = ("live_simple", "live_multiple", "live_simple_39", "live_irrelevance", "small_talk")


@dataclass(frozen=True)
class Outcome:
    """What came of one case in one way of asking. Rates are made of these."""

    set: str
    case: str
    way: str
    calls: int
    valid: bool
    right_function: bool
    right: bool
    problem: str
    seconds: float
    decoded_tokens: int
    written: Any = None


def cases_of(name: str, half: str, limit: int | None) -> list[Case]:
    """The cases of one set, the odd, the even or both."""
    if name == "small_talk":
        pool = all_functions([*load("simple_python"), *load("multiple")])
        plain = [Case(f"small_talk_{n}", name, text, ()) for n, text in enumerate(HELD_OUT)]
        return [with_distractors(case, pool, CATALOGUE, seed=1) for case in plain][:limit]
    cases = load(name.removesuffix("_39"))
    chosen = [c for c in cases if half == "both" or c.number % 2 == (half == "odd")]
    if limit is not None:
        chosen = chosen[:: max(1, len(chosen) // max(1, limit))][:limit]
    if name.endswith("_39"):
        pool = all_functions([*load("live_simple"), *load("live_multiple")])
        chosen = [with_distractors(case, pool, CATALOGUE, seed=1) for case in chosen]
    return chosen


async def ask_us(runtime: Runtime, case: Case, choice: str = "auto") -> Outcome:
    """One turn of the agent loop with the case's tools, up to its first answer."""
    toolset = Toolset(case.tools)
    loop = AgentLoop(
        runtime.team,
        toolset,
        bus=runtime.bus,
        tool_calling={"guided": GuidedToolCalling},
        answer_tokens=ANSWER_TOKENS,
    )
    calls: list[ToolCall] = []
    problem, decoded = "", 0
    began_s = time.perf_counter()
    conversation = Conversation(id=f"{case.id}-ours")
    async for event in loop.run(conversation, TurnRequest(case.text, tool_choice=choice)):
        if isinstance(event, ToolCallStarted):
            calls.append(ToolCall(event.call, event.tool, event.arguments))
        elif isinstance(event, GenerationFinished) and not decoded:
            decoded = event.completion_tokens
        elif isinstance(event, TurnFinished):
            problem = event.problem
    return judged(case, "ours", calls, problem, time.perf_counter() - began_s, decoded)


async def ask_engine(runtime: Runtime, case: Case) -> Outcome:
    """The same request with the tools in it, as any client of the engine would send it."""
    request = ChatRequest(
        [Message("user", case.text)],
        max_tokens=ENGINE_TOKENS,
        temperature=0.0,
        tools=[tool.schema for tool in case.tools],
        tool_choice="auto",
        conversation=f"{case.id}-engine",
    )
    calls: list[ToolCall] = []
    problem, decoded = "", 0
    began_s = time.perf_counter()
    try:
        async with runtime.team.lease(PRIMARY, owner="benchmark") as lease:
            async for delta in lease.chat(request):
                calls.extend(delta.tool_calls)
                decoded = delta.usage.completion_tokens if delta.usage else decoded
    except AiRunnerError as error:
        problem = str(error)
    return judged(case, "engine", calls, problem, time.perf_counter() - began_s, decoded)


def judged(
    case: Case, way: str, calls: Sequence[ToolCall], problem: str, seconds: float, decoded: int
) -> Outcome:
    """What BFCL and the schema say of ``calls``."""
    tools = {tool.name: tool for tool in case.tools}
    valid = all(is_valid(tools.get(call.name), call) for call in calls)
    return Outcome(
        set="",
        case=case.id,
        way=way,
        calls=len(calls),
        valid=valid,
        right_function=case.is_right_function(calls) if case.answers else not calls,
        right=case.is_right(calls) if case.answers else not calls,
        problem=problem,
        seconds=seconds,
        decoded_tokens=decoded,
        written=[[call.name, dict(call.arguments)] for call in calls],
    )


def is_valid(tool: Tool | None, call: ToolCall) -> bool:
    """Whether the call is one of an offered tool and matches its schema."""
    return (
        tool is not None
        and not call.malformed
        and not first_problem(tool.parameters, dict(call.arguments))
    )


def run(runtime: Runtime, options: argparse.Namespace, journal: Path) -> Iterator[Outcome]:
    """Every outcome, those of an earlier run first."""
    done = set()
    if journal.is_file():
        for line in journal.read_text(encoding="utf-8").splitlines():
            outcome = Outcome(**json.loads(line))
            done.add((outcome.set, outcome.case, outcome.way))
            yield outcome
    ways = {"ours": ask_us, "engine": ask_engine}
    with journal.open("a", encoding="utf-8") as file:
        for name in options.sets:
            for case in cases_of(name, options.half, options.cases):
                for way in options.ways:
                    if (name, case.id, way) in done:
                        continue
                    outcome = runtime.call(ways[way](runtime, case))
                    outcome = Outcome(**{**asdict(outcome), "set": name})
                    file.write(json.dumps(asdict(outcome)) + "\n")
                    file.flush()
                    yield outcome


def summary(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row for each set and way."""
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.set, outcome.way].append(outcome)
    rows = []
    for (name, way), group in groups.items():
        called = [o for o in group if o.calls]
        rows.append(
            {
                "set": name,
                "way": way,
                "cases": len(group),
                "errors": sum(bool(o.problem) for o in group),
                "with_calls": len(called),
                "schema_valid": sum(o.valid for o in called) / len(called) if called else None,
                "right_function": sum(o.right_function for o in group) / len(group),
                "right": sum(o.right for o in group) / len(group),
                "seconds_per_case": sum(o.seconds for o in group) / len(group),
            }
        )
    return rows


async def obeyed(runtime: Runtime, cases: Sequence[Case]) -> dict[str, Any]:
    """How often each kind of ``tool_choice`` was obeyed with a valid call, or none."""
    kept: dict[str, int] = defaultdict(int)
    for case in cases:
        last = case.tools[-1].name
        for choice, expected in (("none", 0), ("required", 1), (last, 1)):
            kind = "named" if choice == last else choice
            outcome = await ask_us(runtime, case, choice)
            named = kind != "named" or outcome.written[0][0] == last
            kept[kind] += outcome.calls == expected and outcome.valid and named
    return {"cases": len(cases), **{kind: count / len(cases) for kind, count in kept.items()}}


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--cases", type=int, default=None, help="at most so many of each set, spread over it"
    )
    parser.add_argument("--model", help="a registered model or a file; default: the primary")
    parser.add_argument("--native", action="store_true", help="the file has a tool template")
    parser.add_argument("--half", choices=("odd", "even", "both"), default="odd")
    parser.add_argument("--sets", nargs="*", choices=SETS, default=SETS)
    parser.add_argument("--ways", nargs="*", choices=("ours", "engine"), default=("ours", "engine"))
    parser.add_argument("--choices", type=int, default=40, help="cases for tool_choice")
    parser.add_argument("--journal", type=Path, default=None)
    parser.add_argument("--home", type=Path, default=None)
    options = parser.parse_args()
    machine = describe_machine()
    file = Path(options.model or "")
    stored = "tool_calling"
    if file.suffix == ".gguf":
        stored = f"tool_calling_{file.stem}" + "_native" * options.native
        MODEL_REGISTRY[options.model] = ModelSpec(
            options.model, [PRIMARY], max_context=8192, supports_function_calling=options.native
        )
    settings = Settings.load({"home": options.home, "context": 8192, "primary": options.model})
    journal = options.journal or RESULTS / f"{stored}.journal"
    with Runtime(settings) as runtime:
        outcomes = []
        for outcome in run(runtime, options, journal):
            outcomes.append(outcome)
            print(
                "+" if outcome.right else "~" if outcome.right_function else "-", end="", flush=True
            )
        print()
        model = runtime.resolve(PRIMARY).spec.model_path
        choices = cases_of("live_multiple", options.half, options.choices)
        choice = runtime.call(obeyed(runtime, choices)) if choices else None
    rows = summary(outcomes)
    for row in rows:
        print(json.dumps(row))
    print(json.dumps(choice))
    shown = file.name if file.suffix == ".gguf" else model
    result = {"machine": machine, "model": shown, "half": options.half, "rows": rows}
    write_results(stored, {**result, "tool_choice": choice})


if __name__ == "__main__":
    main()
