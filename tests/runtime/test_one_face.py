"""A program does not notice whose runtime it has: its own, or the server's."""

from __future__ import annotations

import inspect

from airunner.runtime.attached import AttachedRuntime
from airunner.runtime.runtime import Runtime

OWN_ALONE = {"call", "over", "share", "shared"}
"""What only a runtime of this process can: its loop, and being shared."""

ATTACHED_ALONE = {"unload"}
"""What is asked of a server only."""


def face(kind: type) -> dict[str, str]:
    """The public members of ``kind``, each with what it takes; what it returns, mypy compares."""
    members = {n: each for n, each in inspect.getmembers(kind) if not n.startswith("_")}
    return {
        name: str([*inspect.signature(getattr(each, "fget", each)).parameters.values()])
        for name, each in members.items()
    }


def test_both_runtimes_have_the_same_face() -> None:
    own, attached = face(Runtime), face(AttachedRuntime)
    assert own.keys() - attached.keys() == OWN_ALONE
    assert attached.keys() - own.keys() == ATTACHED_ALONE
    both = own.keys() & attached.keys()
    assert {name: own[name] for name in both} == {name: attached[name] for name in both}
