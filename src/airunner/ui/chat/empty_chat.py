"""What a conversation shows before anything is said in it.

Owns the words for somebody who is here for the first time, with nothing but a toy.
"""

from __future__ import annotations

from nicegui import ui

from airunner.errors import AiRunnerError
from airunner.events import CatalogChanged, DownloadChanged
from airunner.models.spec import ModelCapability, short_name
from airunner.server.native.services import Services
from airunner.ui.models.page import ADDRESS as MODELS
from airunner.ui.window import on_events

_EMPTY = "What shall the team do?"
_SMALL = (
    "Only a very small model is here: {model} with {millions:,.0f} million parameters. It shows "
    "that everything works, and answers quickly, but it knows little and is no assistant."
)
_NOBODY = "No model that could answer is here yet."


def empty_chat(services: Services, id: str | None) -> ui.element:
    """The middle of an empty conversation; with an ``id``, of one that there is not."""
    with ui.element("div").classes("empty") as box:
        if id is not None:
            ui.label("This conversation is not here any more.")
            ui.label("What you write below begins a new one.").classes("first-run")
            return box
        ui.label(_EMPTY)
        with ui.element("div").classes("first-run") as first:
            words = ui.label()
            ui.html(
                f'<a class="main-button" href="{MODELS}">Get a real team of models</a>',
                sanitize=False,
            )

    def look() -> None:
        if not first.is_deleted:
            text = _why_a_team(services)
            words.set_text(text)
            first.set_visibility(bool(text))

    look()
    on_events(services.core.bus, (CatalogChanged, DownloadChanged), look)
    return box


def _why_a_team(services: Services) -> str:
    """What is wrong with who answers now; empty for nothing."""
    try:
        spec = services.core.resolve(ModelCapability.PRIMARY_CONVERSATION).spec
    except AiRunnerError:
        return _NOBODY
    if not spec.is_toy:
        return ""
    model, millions = short_name(spec.model_path), (spec.parameters_b or 0) * 1000
    return _SMALL.format(model=model, millions=millions)
