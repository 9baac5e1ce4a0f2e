"""``airunner setup``: from nothing to a team that answers.

Owns the order of steps, what is asked and what is said; ``runtime.team_setup`` finds out
what getting the team takes.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from airunner.cli.flags import EXIT_FAILED, EXIT_USAGE, AsJson
from airunner.cli.plan import MaxVram
from airunner.cli.streams import complain, tell
from airunner.config.settings import Settings

if TYPE_CHECKING:
    from airunner.models.assign import Assignment
    from airunner.runtime import AnyRuntime
    from airunner.runtime.team_setup import TeamMember, TeamProposal

QUESTION = "Say in one short sentence what you can help with."
"""The first turn, which shows that the team works."""

Speed = Annotated[
    float | None,
    typer.Option(
        "--speed", min=0.001, metavar="MBIT", help="your line's Mbit/s; measured if it is not given"
    ),
]


def setup(
    settings: Settings,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show what would be done, and change nothing")
    ] = False,
    max_vram: MaxVram = None,
    speed: Speed = None,
    as_json: AsJson = False,
) -> None:
    """Get the best team for this machine.

    Shows the models that `airunner plan` finds, what they take and their
    licences, asks, fetches all of them, and lets the primary answer once.
    """
    from airunner.cli.fetching import fetch_with_bars
    from airunner.cli.team import running_team
    from airunner.runtime.team_setup import propose_team

    if not dry_run:
        _fit_engine(settings, yes=yes)
    with running_team(settings, "setup") as runtime:
        assignment = runtime.plan(max_vram)
        bytes_per_s = None if speed is None else speed * 1e6 / 8
        if not as_json:
            tell("Asking what the team takes ...", aside=True)
        proposal = propose_team(assignment, runtime.catalog, runtime.store, bytes_per_s)
        if as_json:
            _print_json(proposal)
        else:
            print_proposal(proposal)
        if dry_run:
            return
        _require_room(proposal)
        if proposal.obtainable and not yes and not _agreed():
            raise typer.Exit(EXIT_USAGE)
        wanted = [member.model for member in proposal.obtainable]
        failed = fetch_with_bars(runtime.store, wanted, settings.parallel_downloads).failures
        _let_serve(runtime, settings, assignment, proposal)
        if proposal.unreachable:
            tell("What is here stays and serves; run it again once there is a connection.")
        answered = _first_turn(runtime)
    for model, problem in failed.items():
        complain(f"{model}: {problem}")
    lacking = [m for m in proposal.missing if m.offer.problem]
    for member in lacking:
        if not member.offer.unreachable:  # told once, for all of them
            complain(f"{member.model}: {member.offer.problem}")
    _say_what_next(proposal)
    if failed or lacking or not answered:
        raise typer.Exit(EXIT_FAILED)


def _fit_engine(settings: Settings, *, yes: bool) -> None:
    """Before anything is planned: which memory there is depends on the engine's build."""
    from airunner.cli.engine import fit_engines
    from airunner.errors import EngineBuildError

    if not yes and not sys.stdin.isatty():
        return  # nobody could be asked about what follows either
    try:
        fit_engines(settings, aside=True)
    except EngineBuildError as error:
        complain(f"{error} The one that works stays.")


def print_proposal(proposal: TeamProposal) -> None:
    """The team, a line a model, and what getting it takes."""
    from rich.padding import Padding

    from airunner.cli.console import out
    from airunner.config.byte_size import format_bytes
    from airunner.models.fitting import when_free
    from airunner.models.noncommercial import licence_words

    console = out()
    assumed = f" ({proposal.assumed})" if proposal.assumed else ""
    console.print(
        f"The best team for {format_bytes(proposal.budget_bytes)} of memory{assumed}; its models "
        f"take turns, {format_bytes(proposal.peak_bytes)} at most:\n"
    )
    for member in proposal.members:
        capabilities = ", ".join(member.capabilities).replace("_", " ")
        disk_bytes, memory_bytes = member.offer.disk_bytes, member.memory_bytes
        facts = [
            "" if disk_bytes is None else f"{format_bytes(disk_bytes)} on disk",
            "" if memory_bytes is None else f"{format_bytes(memory_bytes)} in memory",
            str(member.pace),
            "" if member.free_needed_bytes is None else when_free(member.free_needed_bytes),
            f"licence {licence_words(member.license)}",
            _state(member),
        ]
        console.print(member.model, style="bold")
        console.print(Padding(capabilities, (0, 0, 0, 2), expand=False))
        console.print(Padding("; ".join(filter(None, facts)), (0, 0, 0, 2), expand=False))
    if proposal.unserved:
        console.print(f"\nNothing that fits serves {', '.join(proposal.unserved)}.")
    for model, reason in proposal.gated:
        console.print(f"\n{model} would be preferred, and is {reason}.")
    for member in proposal.missing:
        if member.offer.gated:
            console.print(f"\n{member.model} is gated: accept its terms at {member.page} first.")
    console.print(f"\n{_takes(proposal)}")


def _takes(proposal: TeamProposal) -> str:
    from airunner.config.byte_size import format_bytes
    from airunner.durations import about_seconds

    if not proposal.missing:
        return "All of it is on this machine already."
    if proposal.unreachable:
        return "There is no connection to the hub, so what is missing cannot be fetched now."
    text = f"To fetch: {format_bytes(proposal.fetch_bytes)}"
    if any(m.offer.disk_bytes is None for m in proposal.obtainable):
        text += " and what is of unknown size"
    if proposal.seconds is not None and proposal.bytes_per_s is not None:
        mbits = proposal.bytes_per_s * 8 / 1e6
        text += f", about {about_seconds(proposal.seconds)} at {mbits:.3g} Mbit/s"
    return f"{text}; {format_bytes(proposal.free_bytes)} are free on the disk."


def _state(member: TeamMember) -> str:
    if member.offer.is_here:
        return "here"
    if member.offer.problem and not member.offer.unreachable:  # told once, for all of them
        return "not to be had now"
    return "to fetch, gated" if member.offer.gated else "to fetch"


def _print_json(proposal: TeamProposal) -> None:
    from airunner.cli.console import print_json

    print_json(proposal.as_json())


def _require_room(proposal: TeamProposal) -> None:
    from airunner.config.byte_size import format_bytes

    if not proposal.fits_on_disk:
        complain(
            f"The disk has {format_bytes(proposal.free_bytes)} free, and the team takes "
            f"{format_bytes(proposal.fetch_bytes)}. Free some, move the home folder with "
            "AIRUNNER_HOME, or plan a smaller team with --max-vram."
        )
        raise typer.Exit(EXIT_FAILED)


def _agreed() -> bool:
    """Ask; without a terminal nobody can answer, which is told."""
    if not sys.stdin.isatty():
        complain("nobody is here to ask; `airunner setup --yes` does it")
        return False
    print("Fetch it? [Y/n] ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if line.strip().lower() in ("y", "yes") or line == "\n":
        return True
    tell("Nothing was changed.", aside=True)
    return False


def _let_serve(
    runtime: AnyRuntime, settings: Settings, assignment: Assignment, proposal: TeamProposal
) -> None:
    """Assign what was planned where another model would serve."""
    from airunner.cli.catalogue import changing
    from airunner.runtime.team_setup import to_assign

    specs = [runtime.catalog.spec(member.model) for member in proposal.members]
    here = [spec.model_path for spec in specs if runtime.store.is_here(spec)]
    chosen = to_assign(assignment, runtime.resolve, here, settings.primary)
    if not chosen:
        return
    with changing(settings) as catalogue:
        catalogue.assign(chosen)
    for capability, model in chosen.items():
        tell(f"{model} serves {capability.value} from now on.")


def _first_turn(runtime: AnyRuntime) -> bool:
    """One turn of the primary, shown; whether it answered."""
    from airunner.agent.conversation import Conversation
    from airunner.cli.chat_screen import AnswerScreen
    from airunner.cli.following import following
    from airunner.events import GenerationFinished, TurnFinished
    from airunner.models.spec import ModelCapability

    spec = runtime.resolve(ModelCapability.PRIMARY_CONVERSATION).spec
    if not runtime.store.is_here(spec):
        complain("no model that could answer is here")
        return False
    tell(f"\nAsking {spec.model_path}: {QUESTION}", aside=True)
    generated: list[GenerationFinished] = []
    ended: TurnFinished | None = None
    with AnswerScreen() as screen, following(runtime.bus, screen.show):
        for event in runtime.turn(Conversation.begin(), QUESTION, tool_choice="none"):
            if isinstance(event, GenerationFinished):
                generated.append(event)
            elif isinstance(event, TurnFinished):
                ended = event
    tokens = sum(event.completion_tokens for event in generated)
    decode_s = sum(event.decode_s for event in generated)
    if tokens and decode_s:
        tell(f"{tokens} tokens at {tokens / decode_s:.3g} a second.", aside=True)
    if ended is None or ended.outcome != "answered":
        complain(ended.problem if ended is not None and ended.problem else "it did not answer")
        return False
    return True


def _say_what_next(proposal: TeamProposal) -> None:
    capabilities = {c for m in proposal.members for c in m.capabilities}
    tell("\nTry next:")
    tell("  airunner ui                    talk with it in a browser")
    tell("  airunner chat                  talk with it here")
    if "image_generation" in capabilities:
        tell('  airunner image "a red circle"  draw')
    if "summarization" in capabilities:
        tell("  airunner run summarization -   summarise what is on standard input")
    tell("  airunner serve                 a port for other programs' clients")
