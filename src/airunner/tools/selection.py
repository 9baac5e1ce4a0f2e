"""Which toolsets are switched on: what the setting ``tools`` says of those there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from airunner.errors import SettingsError
from airunner.errors.base import meant

ALL, NONE = "all", "none"
_LEFT_OUT = ("-", "!")


def switched_on(said: Sequence[str], known: Collection[str], origin: str) -> tuple[str, ...]:
    """Those of ``known`` that ``said`` switches on, in their order.

    Nothing, or ``all``, means every one, and ``none`` no one. A name after ``-`` or ``!``
    is left out: of those that are named, or of all where none is.

    Raises:
        SettingsError: a name is not known; the message says which there are. ``origin``
            says where it was written.
    """

    def unusable(problem: str) -> SettingsError:
        return SettingsError("tools", ",".join(said), origin, problem)

    out = {name[1:] for name in said if name.startswith(_LEFT_OUT)}
    named = {name for name in said if not name.startswith(_LEFT_OUT)} - {ALL}
    if NONE in named:
        if len(said) > 1:
            raise unusable(f"{NONE} goes with no other name")
        return ()
    for name in sorted(named | out):
        if name not in known:
            hint = meant(name, known, most=1)
            raise unusable(f"there are no tools {name!r}.{hint} There are: {', '.join(known)}")
    wanted = known if ALL in said or not named else named
    return tuple(name for name in known if name in wanted and name not in out)
