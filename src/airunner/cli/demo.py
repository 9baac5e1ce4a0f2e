"""``airunner demo``: one real multi-tier turn, shown in bytes and seconds.

Owns the order and what is printed; ``demo_story`` owns what is played and
whether it succeeded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from airunner.cli.flags import EXIT_FAILED
from airunner.cli.streams import complain
from airunner.config.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from airunner.cli.demo_story import Story
    from airunner.events import Event

_STEPS = {
    "primary leaves": {"park": "park_s", "stop": "stop_s"},
    "prompt is enhanced": {"load": "specialist_load_s", "stop": "specialist_stop_s"},
    "picture is drawn": {"load": "artist_load_s", "draw": "draw_s", "stop": "artist_stop_s"},
    "primary is back": {"load": "reload_s", "restore": "restore_s"},
}


def demo(
    settings: Settings,
    as_json: Annotated[
        bool, typer.Option("--json", help="print every event as a line of JSON, the figures last")
    ] = False,
) -> None:
    """Have three models draw a picture in too little memory.

    The budget never holds all of them. Exits 0 only if the picture is saved and the
    primary came back, once, with its conversation still cached.
    """
    from airunner.agent.conversation import Conversation
    from airunner.cli.chat_screen import JsonScreen, TalkScreen
    from airunner.cli.console import out, print_json_line
    from airunner.cli.demo_story import SYSTEM, TURNS
    from airunner.cli.following import following
    from airunner.cli.team import running_team

    story, settings = _prepare(settings)
    if story.hindrance:
        complain(story.hindrance)
        raise typer.Exit(EXIT_FAILED)
    console = out()
    screen = JsonScreen() if as_json else TalkScreen()
    if not as_json:
        _print_setting(story, settings, console)

    def show(event: Event) -> None:
        story.take(event.as_json())
        screen.show(event)

    conversation = Conversation.begin(SYSTEM)
    with (
        running_team(settings, "demo", own=True) as runtime,
        screen,
        following(runtime.bus, show) as follower,
    ):
        for text in TURNS:
            follower.wait()
            if not as_json:
                console.print(f"\nYou: {text}", style="bold")
            for _ in runtime.turn(conversation, text):
                follower.check()
    figures = story.summary()
    if as_json:
        print_json_line(figures)
    else:
        _print_figures(figures, console)
    if story.problem:
        complain(story.problem)
        raise typer.Exit(EXIT_FAILED)


def _prepare(settings: Settings) -> tuple[Story, Settings]:
    """Weights fetched, sizes predicted, the budget chosen and put on the preferred device."""
    from airunner.cli.demo_story import (
        Story,
        demo_models,
        predict,
        tight_budget,
        use_embedded_team,
    )
    from airunner.cli.fetching import fetch_with_bars, open_store
    from airunner.engines.known import known_engines
    from airunner.errors import DeviceNotFoundError
    from airunner.runtime.hardware import Hardware

    settings = use_embedded_team(settings)
    store = open_store(settings)
    # One after the other: the second is made of the first.
    names = [spec.model_path for spec in demo_models().values()]
    weights = fetch_with_bars(store, names, 1).all()
    hardware = Hardware(settings, known_engines())
    device = hardware.device_for({spec.engine for spec in demo_models().values()})
    if device is None:
        known = [d.id for d in hardware.devices]
        raise DeviceNotFoundError("of known size, for words and pictures", known)
    budget_bytes = {b.device: b.budget_bytes for b in hardware.device_budgets()}[device.id]
    predicted = predict(settings, device, budget_bytes, weights)
    if settings.max_memory is None and device.budget_bytes is None:
        budget_bytes = tight_budget(predicted)
    # One device only: with a second, models would simply stay loaded.
    return Story(predicted, budget_bytes), settings.replace(devices=((device.id, budget_bytes),))


def _print_setting(story: Story, settings: Settings, console: Console) -> None:
    from airunner.cli.demo_story import demo_models
    from airunner.cli.whole_words import columns
    from airunner.config.byte_size import format_bytes
    from airunner.models.spec import short_name

    table = columns("", "", "")
    for role, spec in demo_models().items():
        predicted = format_bytes(story.predicted[spec.model_path])
        table.add_row(role, short_name(spec.model_path), f"{predicted} predicted")
    table.add_row("budget", f"on {settings.devices[0][0]}", format_bytes(story.budget_bytes))
    console.print("Three models, and too little memory for all", style="bold")
    console.print(table)
    console.print("Their turn takes half a minute on two cores, minutes on a slow machine.")


def _print_figures(figures: dict[str, Any], console: Console) -> None:
    from airunner.cli.whole_words import columns
    from airunner.config.byte_size import format_bytes
    from airunner.durations import format_seconds
    from airunner.models.spec import short_name

    def took(name: str) -> str:
        return "-" if figures[name] is None else format_seconds(figures[name])

    console.print("\nWhat it took", style="bold")
    table = columns("", "")
    for model in figures["models"]:
        predicted, measured = model["predicted_bytes"], model["measured_peak_bytes"]
        about = f"{format_bytes(predicted)} predicted, {format_bytes(measured)} measured at most"
        table.add_row(short_name(model["model"]), about)
    for what, steps in _STEPS.items():
        table.add_row(what, ", ".join(f"{step} {took(name)}" for step, name in steps.items()))
    if figures["cached_tokens"] is not None:
        table.add_row(
            "conversation kept",
            f"{figures['cached_tokens']:,} of {figures['restored_tokens']:,} restored tokens "
            f"found in the cache by the next request, of {figures['prompt_tokens']:,}",
        )
    if figures["picture"] is not None:
        table.add_row("drawn prompt", figures["drawn_prompt"] or "-")
        table.add_row("picture", figures["picture"])
    table.add_row("answer", " ".join(figures["answer"].split()))
    console.print(table)
    console.print(f"\n{figures['remark']}")
    console.print("`airunner explain` shows every decision behind it.")
