"""What a conversation shows before anything is said in it.

Owns the words for somebody who is here for the first time, with nothing but the embedded
model.
"""

from __future__ import annotations

from nicegui import ui

from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY
from airunner.errors import AiRunnerError
from airunner.events import CatalogChanged, DownloadChanged
from airunner.models.spec import ModelCapability
from airunner.server.native.services import Services
from airunner.ui.models.page import ADDRESS as MODELS
from airunner.ui.window import on_events

_EMPTY = "What shall the team do?"
_SMALL = (
    "Only a very small model is here: SmolLM2 with 135 million parameters. It shows that "
    "everything works, and answers quickly, but it knows little and is no assistant."
)


def empty_chat(services: Services, id: str | None) -> ui.element:
    """The middle of an empty conversation; with an ``id``, of one that there is not."""
    with ui.element("div").classes("empty") as box:
        if id is not None:
            ui.label("This conversation is not here any more.")
            ui.label("What you write below begins a new one.").classes("first-run")
            return box
        ui.label(_EMPTY)
        with ui.element("div").classes("first-run") as first:
            ui.label(_SMALL)
            ui.html(
                f'<a class="main-button" href="{MODELS}">Get a real team of models</a>',
                sanitize=False,
            )

    def look() -> None:
        if not first.is_deleted:
            first.set_visibility(_is_alone(services))

    look()
    on_events(services.core.bus, (CatalogChanged, DownloadChanged), look)
    return box


def _is_alone(services: Services) -> bool:
    try:
        found = services.core.resolve(ModelCapability.PRIMARY_CONVERSATION)
    except AiRunnerError:
        return True
    return found.spec.model_path == EMBEDDED_PRIMARY
