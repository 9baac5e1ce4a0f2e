"""A capability on the command line.

Owns how it is read: whatever ``capability_of`` takes, and its words where nothing is meant.
"""

from __future__ import annotations

from typing import Annotated

import typer

from airunner.models.spec import ModelCapability


def read_capability(words: str) -> ModelCapability:
    """The capability that is meant.

    Raises:
        typer.BadParameter: none is, or several are.
    """
    from airunner.errors import UnknownCapabilityError
    from airunner.errors.base import alike
    from airunner.models.capability_words import capability_of

    try:
        return capability_of(words)
    except UnknownCapabilityError as error:
        told = str(error) if alike(words, error.known) else f"{error} {_instead(words)}"
        raise typer.BadParameter(told) from None


def _instead(words: str) -> str:
    """What to type where other programs take a model's name, or the whole prompt."""
    from airunner.errors.pasted import pasted

    if len(words.split()) > 1:
        return "`airunner chat -p TEXT` asks the model that answers conversations."
    return f"If it is a model: `{pasted('airunner', 'chat', '--primary', words)}` talks with it."


def complete(incomplete: str) -> list[str]:
    """The capabilities that begin so."""
    return [each.value for each in ModelCapability if each.value.startswith(incomplete)]


Capability = Annotated[
    ModelCapability,
    typer.Argument(
        parser=read_capability,
        metavar="CAPABILITY",
        help="what is wanted, such as summarization",
        autocompletion=complete,
    ),
]
"""The argument that names one."""
