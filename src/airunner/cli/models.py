"""``airunner models``: what is registered, what is here, and getting the rest.

Owns the group's commands; ``model_sheet`` prints one model in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from airunner.cli.catalogue import add_model, changing, found_models
from airunner.cli.command_groups import command_group
from airunner.cli.flags import AsJson
from airunner.cli.plan import MaxVram
from airunner.cli.streams import complain, say, tell
from airunner.config.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from airunner.models.assign import Assignment
    from airunner.weights.store import ModelStore


def _model_names(incomplete: str) -> list[str]:
    """What a shell that completes names offers: those that hold what was typed."""
    from airunner.components.llm.config.model_capabilities import MODEL_REGISTRY

    return [name for name in MODEL_REGISTRY if incomplete.casefold() in name.casefold()]


def list_models(settings: Settings, as_json: AsJson = False) -> None:
    """List the registered models, and who serves what now."""
    from airunner.cli.console import print_json
    from airunner.cli.team import surveyed

    with surveyed(settings) as known:
        listed = known.model_list()
    if as_json:
        print_json(listed)
    else:
        _print_list(listed["models"], listed["serving"])


def list_here(settings: Settings, as_json: AsJson = False) -> None:
    """List the models whose weights are on this machine.

    `airunner models list` shows the others, too, and who serves what.
    """
    from airunner.cli.console import out, print_json
    from airunner.cli.team import surveyed
    from airunner.config.byte_size import format_bytes
    from airunner.weights.local import gone_words

    with surveyed(settings) as known:
        listed = known.model_list()["models"]
    here = [model for model in listed if model["here"]]
    gone = [model for model in listed if model["gone"]]
    if as_json:
        print_json({"models": here})
        return
    if not here and not gone:
        tell(
            "No model is here yet: `airunner plan` shows which suit this machine, "
            "`airunner pull NAME` fetches one, `airunner pull --team` all of them."
        )
        return
    console = out()
    width = max((len(model["model"]) for model in here), default=0)
    for model in gone:
        console.print(f"{model['model']}: {gone_words(model['gone'])}", soft_wrap=True)
    for model in here:
        size = format_bytes(model["file_bytes"] or 0)
        console.print(f"{model['model']:<{width}}  {size:>8}", style="bold")
        _print_capabilities(console, model)


def show_model(
    settings: Settings,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="a registered model", autocompletion=_model_names)
    ],
    as_json: AsJson = False,
) -> None:
    """Show one model in full.

    With its weights on this machine, its memory in bytes as well.
    """
    from airunner.cli.console import print_json
    from airunner.cli.model_sheet import print_sheet
    from airunner.cli.team import running_team

    with running_team(settings, "models show") as runtime:
        sheet = runtime.model_sheet(name)
    if as_json:
        print_json(sheet)
    else:
        print_sheet(sheet)


def pull_models(
    settings: Settings,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", autocompletion=_model_names)
    ] = None,
    team: Annotated[
        bool, typer.Option("--team", help="the models that `airunner plan` shows")
    ] = False,
    max_vram: MaxVram = None,
) -> None:
    """Fetch weights.

    A fetch that was interrupted goes on where it was, if the source allows it.
    """
    from airunner.cli.fetching import fetch_with_bars, open_store
    from airunner.cli.team import surveyed

    if not names and not team:
        raise typer.BadParameter("name a model, or give --team", param_hint="NAME")
    if max_vram is not None and not team:
        raise typer.BadParameter("it goes with --team", param_hint="--max-vram")
    store = open_store(settings)
    wanted = list(names or [])
    if team:
        with surveyed(settings) as known:
            assignment = known.plan(max_vram)
        _print_team(assignment, store)
        wanted += assignment.models
    models = [store.catalog.spec(name).model_path for name in dict.fromkeys(wanted)]
    fetched = fetch_with_bars(store, models, settings.parallel_downloads)
    for name, path in fetched.paths.items():
        say(f"{name}: {path}")
    for failure in list(fetched.failures.values())[1:]:
        complain(str(failure))
    fetched.all()


def remove_model(
    settings: Settings,
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="registered models", autocompletion=_model_names),
    ],
) -> None:
    """Delete models' weights.

    Those in the home folder; files that lie elsewhere stay. A model that
    `airunner models add` registered is forgotten.
    """
    from airunner.config.byte_size import format_bytes

    with changing(settings) as catalogue:
        for name in names:
            told = catalogue.remove(name)
            forgotten = ", and no longer registered" if told["forgotten"] else ""
            freed = format_bytes(told["freed_bytes"]) if told["freed_bytes"] else "nothing"
            again = "; it is fetched again when it is needed" if told["comes_back"] else ""
            tell(f"{name}: {freed} freed{forgotten}{again}")


models_app = command_group(
    "models",
    "List, show, add, fetch and remove models.",
    {
        "add": add_model,
        "found": found_models,
        "list": list_models,
        "show": show_model,
        "pull": pull_models,
        "remove": remove_model,
    },
)


def _print_list(models: list[dict[str, Any]], serving: list[dict[str, Any]]) -> None:
    from airunner.cli.console import out
    from airunner.cli.whole_words import columns
    from airunner.config.byte_size import format_bytes
    from airunner.weights.local import gone_words

    console = out()
    for model in models:
        memory = format_bytes(model["declared_memory_bytes"])
        here = f"here, {format_bytes(model['file_bytes'])}" if model["here"] else "not here"
        if model["gone"]:
            here = gone_words(model["gone"])
        line = f"{model['model']:<44} {memory:>8} memory  {here}"
        if len(line) > console.width:
            line = f"{model['model']}\n  {memory} memory, {here}"
        console.print(line, style="bold", soft_wrap=True)
        _print_capabilities(console, model)
    console.print("\nServing now", style="bold")
    table = columns("", "")
    for row in serving:
        stands_in = row["model"] is not None and row["model"] != row["wanted"]
        text = row["model"] or f"nobody: {row['remark']}"
        table.add_row(row["capability"], f"{text}, for {row['wanted']}" if stands_in else text)
    console.print(table)
    if any(row["model"] != row["wanted"] for row in serving if row["model"]):
        console.print("`airunner setup` gets the team that `airunner plan` shows.")


def _print_capabilities(console: Console, model: dict[str, Any]) -> None:
    from rich.padding import Padding

    capabilities = ", ".join(model["capabilities"]).replace("_", " ")
    console.print(Padding(capabilities, (0, 0, 0, 2), expand=False), style="dim")


def _print_team(assignment: Assignment, store: ModelStore) -> None:
    """The team of a plan on stderr: a line per model, with its memory, before it is fetched."""
    from airunner.cli.console import err
    from airunner.cli.whole_words import columns
    from airunner.config.byte_size import format_bytes
    from airunner.models.fitting import when_free
    from airunner.models.noncommercial import noncommercial_words

    console = err()
    licences = noncommercial_words(map(store.catalog.spec, assignment.models))
    sizes = {choice.model: choice.size_bytes for choice in assignment.choices if choice.model}
    table = columns("Model", "Memory", "", right=("Memory",))
    for name, size_bytes in sizes.items():
        here = store.seems_here(store.catalog.spec(name))
        table.add_row(name, format_bytes(size_bytes or 0), "here" if here else "to fetch")
    assumed = f" ({assignment.assumed})" if assignment.assumed else ""
    console.print(f"The team for {format_bytes(assignment.budget_bytes)}{assumed}:", style="bold")
    console.print(table)
    waiting = {c.model: c.free_needed_bytes for c in assignment.choices if c.free_needed_bytes}
    for model, needed in waiting.items():
        console.print(f"{model} {when_free(needed)}; less is free now.")
    if licences:
        console.print(licences)
    nobody = [c.capability.value for c in assignment.choices if c.model is None]
    if nobody:
        console.print(f"Nothing that fits serves {', '.join(nobody)}.")
