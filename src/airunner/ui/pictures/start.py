"""What a drawing begins with, as the page shows it: a picture, and the model that draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from nicegui import ui

from airunner.errors import UnknownRecordError
from airunner.models.spec import short_name
from airunner.runtime.gallery import GalleryPicture
from airunner.runtime.native_form import API
from airunner.server.native.services import Services

PICTURES = f"{API}/pictures"
STARTS = f"{API}/starts"
USUAL_STRENGTH = 0.6
STRENGTH_HINT = "Less stays closer to the picture, more follows the words."


@dataclass(frozen=True, slots=True)
class Start:
    """One of the gallery, or one that was handed over; sizes in pixels."""

    name: str
    source: str
    width: int
    height: int

    @classmethod
    def of(cls, picture: GalleryPicture) -> Start:
        """One of the gallery."""
        source = f"{PICTURES}/{quote(picture.name)}"
        return cls(picture.name, source, picture.width, picture.height)


def start_named(services: Services, name: str) -> Start:
    """One that was handed over, or one of the gallery.

    Raises:
        UnknownRecordError: there is none.
    """
    try:
        found = services.starts.find(name)
    except UnknownRecordError:
        return Start.of(services.gallery.picture(name))
    return Start(name, f"{STARTS}/{quote(name)}", found.width, found.height)


def model_options(models: Sequence[str], usual: str = "") -> dict[str, str]:
    """``models`` for ``model_field``, after whichever the team takes, which is ``usual``."""
    own = f"The team's own ({usual})" if usual else "The team's own"
    return {"": own, **{name: short_name(name) for name in models}}


NOBODY_PAINTS = "No model that is here can paint over a picture. Download models has some that can."
NOBODY_DRAWS = "Download models has some that draw."
ONLY_OTHERS_DRAW = "Another one draws, which More choices has."


def able_options(able: Sequence[str], usual: str = "") -> dict[str, str]:
    """The same of those that can do what is asked; the team's own only if "" is among them."""
    options = model_options([name for name in able if name], usual)
    if "" not in able:
        del options[""]
    return options


def model_field(options: Mapping[str, str], model: str | None) -> ui.select:
    """The field that says which model draws; its value is "" for the team's own."""
    chosen = model if model in options else next(iter(options), None)
    field = ui.select(dict(options), value=chosen, label="Model")
    return field.props("outlined dense options-dense")
