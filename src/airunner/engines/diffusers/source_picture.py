"""Pictures that a drawing starts from, as people look at them.

Owns what a file says beside its pixels: which way is up, what is transparent, how many
bits a grey has. The same holds for masks. Imports no model library.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Literal

from airunner.config.regular_file import open_regular
from airunner.errors import ImageRequestError

MOST_PIXELS = 50_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""No others: of a page of PostScript, the library has another program make a picture."""

_WIDE = ("I", "F")
_GREY_16 = 65_535
_UNREADABLE = "it cannot be read as a picture; save it as PNG or JPEG"


def source_picture(model: str, path: Path, mode: Literal["RGB", "L"]) -> Any:
    """The picture in ``path``: upright, with white behind it, 8 bits a channel.

    ``L`` is grey, for a mask: what is transparent there counts as white.

    Raises:
        ImageRequestError: it is no picture that can be read, or too large.
    """
    library = importlib.import_module("PIL.Image")
    operations = importlib.import_module("PIL.ImageOps")
    try:
        with open_regular(path) as data, library.open(data, formats=_FORMATS) as file:
            if file.width * file.height > MOST_PIXELS:
                problem = f"it has more than {MOST_PIXELS // 10**6} million pixels"
                raise ImageRequestError(model, f"{path}: {problem}; make it smaller")
            file.load()
            picture = operations.exif_transpose(file)
            if picture.mode.startswith(_WIDE):
                picture = _in_8_bits(picture)
            if picture.has_transparency_data:
                shown = picture.convert("RGBA")
                behind = library.new("RGBA", shown.size, "white")
                picture = library.alpha_composite(behind, shown)
            return picture.convert(mode)
    except ImageRequestError:
        raise
    except Exception as error:  # a reader raises whatever a damaged file leads it to
        problem = "there is no such file" if isinstance(error, FileNotFoundError) else _UNREADABLE
        raise ImageRequestError(model, f"{path}: {problem}") from error


def _in_8_bits(picture: Any) -> Any:
    """Grey of 16 bits or of fractions; ``convert`` would make white of all that is above 255."""
    most = picture.getextrema()[1]
    if picture.mode.startswith("I"):
        picture = picture.convert("I")
        whole = max(_GREY_16, most)
    else:
        whole = 1.0 if most <= 1.0 else 255.0 if most <= 255 else max(float(_GREY_16), most)
    scaled = picture.point(lambda value: value * (255.0 / whole))
    return scaled.convert("L")
