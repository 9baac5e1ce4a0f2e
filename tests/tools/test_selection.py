"""Which toolsets a setting switches on."""

from __future__ import annotations

import pytest

from airunner.errors import SettingsError
from airunner.tools.selection import switched_on

KNOWN = ("files", "math", "web")


@pytest.mark.parametrize(
    ("said", "on"),
    [
        ([], KNOWN),
        (["all"], KNOWN),
        (["none"], ()),
        (["web", "files"], ("files", "web")),
        (["-web"], ("files", "math")),
        (["!web", "-math"], ("files",)),
        (["web", "files", "-web"], ("files",)),
        (["all", "-web"], ("files", "math")),
    ],
)
def test_names_switch_on_and_off(said: list[str], on: tuple[str, ...]) -> None:
    assert switched_on(said, KNOWN, "a flag") == on


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["wep"], "there are no tools 'wep'. Did you mean web\\? There are: files, math, web"),
        (["-zebra"], "no tools 'zebra'. There are: files"),
        (["none", "web"], "goes with no other"),
    ],
)
def test_what_is_not_there_is_said(said: list[str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        switched_on(said, KNOWN, "a flag")
