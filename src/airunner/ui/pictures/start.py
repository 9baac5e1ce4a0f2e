"""A picture that a drawing begins with, as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from airunner.runtime.gallery import GalleryPicture
from airunner.runtime.native_form import API

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
    prompt: str = ""
    model: str | None = None

    @classmethod
    def of(cls, picture: GalleryPicture, model: str | None) -> Start:
        """One of the gallery, to be changed by ``model``."""
        source = f"{PICTURES}/{quote(picture.name)}"
        size = picture.width, picture.height
        return cls(picture.name, source, *size, picture.prompt, model)
