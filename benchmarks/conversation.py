"""What a long conversation with tools costs: 20 turns, calls in half of them, swaps between.

The model is the embedded one under a native tool template, with all built-in tools, on
a budget that holds one model at a time.

* **share re-used** at each turn: of the tokens that a generation's prompt and answer left
  in the KV cache and that the next prompt may begin with, those that the next generation
  found there, by the engine's own count. What the cache holds is read from the slot, token
  by token, after each generation;
* **other tokens**: those that the next prompt has as the same text, but cut otherwise by the
  tokenizer. They are impossible to re-use, counted apart, and not part of that share;
* **first token** (TTFT, from asking for the model until it decodes) of the plain turns, beside two
  conversations without tools in which the same is said, turn by turn: one that is as
  long in tokens, so that attention costs the same, and one that is shorter by the tools
  and their results;
* **a new chat**: its first token with the common beginning kept, and without;
* **before**: the same conversation at a revision whose tools changed with the messages. Its
  slots are not read: the share is of all that the cache held.

A model draws one token after another, and now and then cuts a word as its tokenizer would
not. Sending its own tokens back would save them. llama.cpp's server takes tokens at
``/completion`` only; for a chat it makes the text from the messages itself, whatever
``prompt`` stands beside them, and only there does it read each template's tool calls and
reasoning and force a call's syntax. What that takes (parser, grammar, triggers) no other
answer of the server tells. So the tokens would cost a second reader of every model's
syntax, and the history that a client sends is text anyway. Without them, at most one
answer is read again, once, at the speed of a prompt.

Run: ``python -m benchmarks.conversation [--rounds 3] [--before REV]``. Exits with 1 if a
target is missed; ``--parts reuse`` measures counts alone, which no other load changes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airunner
from airunner import Settings
from airunner.tools.toolset import Toolset
from benchmarks.conversation_figures import LEAST_SHARE, first_tokens, renamed, reuse
from benchmarks.diary import story
from benchmarks.earlier_revision import run_with, work_tree
from benchmarks.machine import describe_machine
from benchmarks.party import Party, Step, opened, prepare
from benchmarks.results_file import read_results, write_results
from benchmarks.talk import ANSWER_TOKENS, SYSTEM_PROMPT, TALK, Said

if TYPE_CHECKING:
    from benchmarks.slot_tokens import WatchedLlamaCpp

# The last revision in which the tools of a prompt were chosen by what was said last.
BEFORE = "a813bda27558c8943c122581641a0cd51a0dcfd9"
MOST_OVER_WITHOUT_TOOLS = 1.15
PARTS = ("reuse", "times", "before")
NEW_CHAT = Said("Hello, what can you do for me today?")


def converse(
    turns: Sequence[Said], party: Party, others: Sequence[Party] = ()
) -> list[list[list[Step]]]:
    """Hold the conversation, each turn with every party; steps by party and turn.

    The last of ``others`` is kept as long in tokens as ``party`` by the diary that its
    system prompt holds, and by more of it in the turns that are not compared.
    """
    heard: list[list[list[Step]]] = [[] for _ in (party, *others)]
    for number, said in enumerate(turns, 1):
        heard[0].append(party.hear(number, said))
        print(".", end="", flush=True)
        for place, other in enumerate(others, 1):
            if number == 1:
                long = heard[0][0][0].prompt_tokens if place == len(others) else 0
                other.begin(f"{SYSTEM_PROMPT}\n{story(long, 1)}" if long else SYSTEM_PROMPT)
            text = said.text
            if said.calls and place == len(others):
                missing = party.held_tokens - other.held_tokens - ANSWER_TOKENS - 30
                text = f"{text}\n{story(max(0, missing), number)}"
            heard[place].append(other.hear(number, Said(text, said.tool, said.swap)))
    print(flush=True)
    return heard


def new_chats(parties: Sequence[Party], pairs: int) -> dict[str, Any]:
    """First answers of new conversations, by the parties in turn, and after a swap."""
    found: dict[str, Any] = {}
    for name in ("stayed", "after_a_swap"):
        times: list[list[float]] = [[] for _ in parties]
        cached: list[int] = []
        for _ in range(pairs):
            for place, party in enumerate(parties):
                if name == "stayed":
                    party.overwrite()
                else:
                    party.use_specialist()
                party.begin()
                (step, *_) = party.hear(1, NEW_CHAT)
                times[place].append(step.ttft_s)
                if not place:
                    cached.append(step.cached_tokens)
        kept, *read = [statistics.median(each) for each in times]
        found[name] = {"pairs": pairs, "ttft_s": kept, "cached_tokens": min(cached)}
        if read:
            ratios = [a / b for a, b in zip(times[1], times[0], strict=True)]
            found[name] |= {
                "ttft_not_kept_s": read[0],
                "not_kept_over_kept": statistics.median(ratios),
            }
    return found


def measure_alone(turns: Sequence[Said], engine: WatchedLlamaCpp | None = None) -> dict[str, Any]:
    """What needs no other conversation beside it; ``engine`` reads the slots, untimed."""
    with opened(engine=engine) as party:
        heard = converse(turns, party)
        times = {} if engine else {"first_token": first_tokens(turns, [heard])}
        return {
            "turns": len(turns),
            "tools": len(party.runtime.toolset),
            "reuse": reuse(heard),
            **times,
            "steps": [asdict(step) for turn in heard[0] for step in turn],
        }


def measure_reuse(home: Path, turns: Sequence[Said]) -> dict[str, Any]:
    """What the cache held and what was found there."""
    # Not at the top: earlier revisions, which today's scripts measure, have no such engines.
    from benchmarks.slot_tokens import WATCHED, watched_engine

    engine = watched_engine()
    prepare(home, WATCHED)
    return measure_alone(turns, engine)


def measure_times(home: Path, turns: Sequence[Said], rounds: int, pairs: int) -> dict[str, Any]:
    """Times to first tokens, beside those of conversations without tools."""
    prepare(home)
    with ExitStack() as stack:
        party, shorter, as_long = (
            stack.enter_context(opened(tools)) for tools in (None, Toolset([]), Toolset([]))
        )
        heard = []
        for _ in range(rounds):
            party.begin()
            heard.append(converse(turns, party, (shorter, as_long)))
    with opened() as party, opened(parking=False) as forgetful:
        party.hear(1, NEW_CHAT)  # keeps the beginning
        forgetful.hear(1, NEW_CHAT)
        chats = new_chats([party, forgetful], pairs)
    return {"rounds": rounds, "first_token": first_tokens(turns, heard), "new_chat": chats}


def missed(result: dict[str, Any]) -> list[str]:
    """The targets that were not met."""
    least = result["reuse"]["least_share_of_possible_reused"]
    over = result["first_token"]["stayed"].get("alike_over_without_tools_as_long")
    found = []
    if least < LEAST_SHARE:
        found.append(f"a turn re-used {least:.1%} of what it could; {LEAST_SHARE:.0%} are wanted")
    if over is None:
        found.append("no two turns had as much to read, so their first tokens do not compare")
    elif over > MOST_OVER_WITHOUT_TOOLS:
        found.append(f"with tools the first token takes {over:.2f}x as long as without")
    return found


def measure_before(revision: str, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of another revision, under keys that say so."""
    with tempfile.TemporaryDirectory() as folder, work_tree(revision) as tree:
        file = Path(folder, "figures.json")
        arguments = ["--home", str(options.home), "--turns", str(options.turns)]
        arguments += ["--measure-into", str(file)]
        run_with(tree, "benchmarks.conversation", arguments)
        figures = json.loads(file.read_text(encoding="utf-8"))
    assert figures.pop("source") == str(tree / "src"), "measured another tree"
    prefixed = renamed(figures)
    assert isinstance(prefixed, dict)
    return {"before_revision": revision[:7], **prefixed}


def main() -> int:
    """Measure, print and store; the exit status says whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="conversations to compare")
    parser.add_argument("--pairs", type=int, default=3, help="new chats to compare")
    parser.add_argument("--turns", type=int, default=len(TALK), help="of the conversation")
    parser.add_argument("--before", default=BEFORE, metavar="REV", help="revision to compare with")
    parser.add_argument("--home", type=Path, default=Settings.load().home, help="has the weights")
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS,
        help="what to measure; of the others, the stored figures stay",
    )  # fmt: skip
    parser.add_argument("--measure-into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    turns = TALK[: options.turns]
    machine = describe_machine()
    if options.measure_into:
        prepare(options.home)
        source = str(Path(airunner.__file__).parent.parent)
        figures = {"source": source, **measure_alone(turns)}
        options.measure_into.write_text(json.dumps(figures), encoding="utf-8")
        return 0
    result = {**(read_results("conversation") or {})}
    if "reuse" in options.parts:
        result |= measure_reuse(options.home, turns)
    if "times" in options.parts:
        result |= measure_times(options.home, turns, options.rounds, options.pairs)
        result["machine"] = machine
    if "before" in options.parts and options.before:
        result["before"] = {"before_machine": machine, **measure_before(options.before, options)}
    result.pop("measured_on", None)
    write_results("conversation", result)
    shown = {key: value for key, value in result.items() if key not in ("steps", "before")}
    print(json.dumps(shown, indent=2))
    problems = missed(result) if {"reuse", "first_token"} <= result.keys() else []
    print(*problems, sep="\n", file=sys.stderr)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
