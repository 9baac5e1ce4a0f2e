"""Pictures that are given on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from airunner.messages import Content, Part

Images = Annotated[
    list[Path] | None,
    typer.Option("--image", metavar="FILE", help="a picture to look at; may be given again"),
]
"""The option that takes them."""


def read_pictures(paths: Sequence[Path] | None) -> tuple[Part, ...]:
    """The files as parts of a message.

    Raises:
        typer.BadParameter: one of them cannot be read, or is no picture.
    """
    from airunner.errors import MediaError
    from airunner.media import read_media

    try:
        return tuple(read_media(path) for path in paths or ())
    except MediaError as error:
        raise typer.BadParameter(str(error), param_hint="--image") from error


def with_pictures(text: str, pictures: Sequence[Part]) -> Content:
    """``text`` after ``pictures``, which is the order that most models were trained with."""
    from airunner.messages import TextPart

    return (*pictures, TextPart(text)) if pictures else text
